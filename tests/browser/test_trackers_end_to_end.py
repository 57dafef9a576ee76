"""The main job: real trackers in a real browser, and a log that holds exactly what the visitor allowed.

The trackers are the unmodified npm packages. They are started at once and never told of a withdrawal, so that nothing
but the gate keeps an event out of the log; the last tests hold them back, as a page should.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request
from support.live import LiveService
from support.trackers import CARRIERS, TrackedVisit, track

IDENTIFIERS = (
    "userId sessionId eventIndex sessionIndex previousSessionId firstEventId firstEventTimestamp"  # a session's context
)
#: What each tracker sends, by category: written down here anew, not read from the gate's tables.
FIELDS: dict[str, dict[str, str]] = {
    "snowplow": {
        "event": "e eid tv tna aid p dtm stm header:content-type",
        "device": "cookie browser_context.cookiesEnabled browser_context.webdriver browser_context.deviceMemory"
        " browser_context.hardwareConcurrency",
        "language": "lang browser_context.browserLanguage",
        "screen": "res vp ds cd browser_context.viewport browser_context.documentSize browser_context.resolution"
        " browser_context.colorDepth browser_context.devicePixelRatio",
        "browsing": "url refr browser_context.documentLanguage",
        "identifier": "duid sid vid web_page.id browser_context.tabId "
        + " ".join(f"client_session.{name}" for name in IDENTIFIERS.split()),
        "other": "tz cs browser_context.online client_session.storageMechanism",
    },
    "plausible": {
        "event": "n v d i $.currency $.amount header:content-type",
        "browsing": "u r",
    },
}
HEADERS = {
    "device": "header:user-agent header:sec-ch-ua header:sec-ch-ua-mobile header:sec-ch-ua-platform",
    "language": "header:accept-language",
    "browsing": "header:referer header:origin",
}
#: What only one of the two events has: (tracker, label) → category → fields.
OF_ONE_EVENT: dict[tuple[str, str], dict[str, str]] = {
    ("snowplow", "page"): {"browsing": "page"},
    ("snowplow", "bought"): {"event": "se_ca se_ac se_la se_pr se_va"},
}
CATEGORIES = ("ip", "device", "language", "screen", "browsing", "identifier", "other")
CHOICES: list[list[str]] = [[], ["language"], ["screen", "browsing"], ["device", "language"], ["ip", "identifier"]]

TWO_EACH = [pair for pair in CARRIERS if pair[1] in ("context", "query", "cookie")]

by_carrier = pytest.mark.parametrize(("tracker", "carrier"), CARRIERS)


def expected(tracker: str, label: str, granted: Iterable[str]) -> set[str]:
    """The fields that a grant leaves; ``ip`` is there in any case, for a refused one is truncated by the policy."""
    tables = (FIELDS[tracker], HEADERS, OF_ONE_EVENT.get((tracker, label), {}))
    names = " ".join(table.get(category, "") for table in tables for category in ("event", *granted))
    return {name.replace("header:", "header ") for name in names.split()} | {"ip"}


def check_log(tracked: TrackedVisit, granted: list[str]) -> None:
    """The log holds the page view and the purchase, once each, with exactly the granted fields as they were sent."""
    logged = tracked.logged()
    assert tracked.labels() == ["page", "bought"]
    for event, label in zip(logged, ("page", "bought"), strict=True):
        assert set(event.fields) == expected(tracked.tracker, label, granted)
        sent = tracked.sent(label)
        values = {name: value for name, value in event.fields.items() if not name.startswith(("header ", "ip"))}
        assert values == {name: sent[name] for name in values}
        assert event.fields["ip"] == ("127.0.0.1" if "ip" in granted else "127.0.0.0")
        assert event.consent["acquire"].split() == granted
        assert "analytics" in event.consent["scope"].split()


@by_carrier
def test_nothing_is_logged_before_a_choice(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.fire("page", "looked")
    assert len(tracked.requests) == (0 if carrier == "query" else 2)
    assert tracked.logged() == []
    assert tracked.seen.faults == []


@by_carrier
def test_nothing_is_logged_after_a_reject(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.reject()
    tracked.fire("page", "looked")
    page.reload()
    tracked.answered = 0
    tracked.fire("page", "looked")
    assert tracked.logged() == []


@pytest.mark.parametrize(("tracker", "carrier"), TWO_EACH)
@pytest.mark.parametrize("granted", CHOICES, ids=lambda keys: "+".join(keys) or "none")
def test_exactly_the_chosen_categories_are_logged(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str, granted: list[str]
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.choose(["analytics"], granted)
    tracked.fire("page", "bought")
    check_log(tracked, granted)


@by_carrier
def test_everything_is_logged_after_an_accept(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    tracked.fire("page", "bought")
    check_log(tracked, list(CATEGORIES))
    # Whatever the tracker sent is there, but for the token and a property of the site's own that no table knows.
    for event, label in zip(tracked.logged(), ("page", "bought"), strict=True):
        carried = {"consent.token", "p.consent_token", "p.plan"}
        assert set(tracked.sent(label)) - set(event.fields) <= carried


@pytest.mark.parametrize(("tracker", "carrier"), TWO_EACH)
def test_another_purpose_opens_no_gate(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.choose(["quality", "advertising"], list(CATEGORIES))
    assert tracked.seen.token("quality") is not None
    tracked.fire("page", "bought")
    assert tracked.logged() == []


@by_carrier
def test_no_token_and_no_handle_ever_reaches_the_log(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    token, kept = tracked.seen.token(), tracked.seen.kept()
    # A page may show the token in its own address, which the tracker then sends as a field.
    page.evaluate("(token) => history.replaceState(null, '', `?from=mail&leak=${token}`)", token)
    tracked.fire("page", "bought")
    assert tracked.labels() == ["page", "bought"]
    text = (service.folder / "data" / "collected" / "demo" / f"{tracker}.jsonl").read_text()
    assert str(token) not in text
    assert kept["cg_handle.demo"] not in text
    assert kept["cg_token"] not in text
    assert "from=mail" in text


WITHDRAW = """
  async (way) => {
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    document.querySelector(".cg-corner button").click();
    const isReject = (button) => button.textContent.trim() === "Reject all";
    let button;
    while (!(button = [...document.querySelectorAll("dialog.cg-dialog button")].find(isReject))) await wait(10);
    const clicked = performance.now();
    let acknowledged = null;
    const look = () => {
      const { state, pending } = window.cookiegate.consent;
      if (state === "refused" && !pending) acknowledged ??= performance.now() - clicked;
    };
    window.cookiegate.on("change", look);
    button.click();
    const fired = [];
    for (let count = 0; acknowledged === null || performance.now() - clicked < acknowledged + 1100; count++) {
      look();
      const at = performance.now() - clicked;
      if (await window.fire(`late-${count}`)) fired.push([`late-${count}`, at]);
      await wait(40);
    }
    return { fired, acknowledged };
  }
"""


@by_carrier
def test_nothing_passes_within_a_second_of_a_withdrawal(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    tracked.fire("before")
    seen = page.evaluate(WITHDRAW)
    tracked.answered += len(seen["fired"])
    tracked.wait_for_answers()
    passed = set(tracked.labels())
    assert "before" in passed
    after = [label for label, at_ms in seen["fired"] if at_ms > seen["acknowledged"]]
    assert len(after) > 5
    assert passed.isdisjoint(after)
    first_denied_ms = min(at_ms for label, at_ms in seen["fired"] if label not in passed)
    print(f"withdrawal acknowledged after {seen['acknowledged']:.0f} ms, first denied at {first_denied_ms:.0f} ms")
    assert first_denied_ms < 1000


def replay(request: Request) -> str | None:
    """Sends a recorded request again, byte for byte, and gives the gate's reason for dropping it."""
    headers = {name: value for name, value in request.all_headers().items() if not name.startswith(":")}
    again = urllib.request.Request(request.url, request.post_data_buffer, headers, method="POST")
    with urllib.request.urlopen(again, timeout=5) as answer:
        reason: str | None = answer.headers["X-Consent-Reason"]
        return reason


def check_gate(service: LiveService, token: str) -> tuple[int, str | None]:
    """What a proxy is told about a token."""
    ask = urllib.request.Request(f"{service.url}/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
    try:
        with urllib.request.urlopen(ask, timeout=5) as answer:
            return answer.status, answer.headers["X-Consent-Reason"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["X-Consent-Reason"]


@by_carrier
def test_a_later_yes_revives_no_old_token(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    tracked.fire("page")
    old, recorded = str(tracked.seen.token()), tracked.requests[-1]
    assert check_gate(service, old) == (204, None)
    assert replay(recorded) is None
    assert tracked.labels() == ["page", "page"]
    tracked.withdraw()
    assert check_gate(service, old) == (403, "withdrawn")
    tracked.seen.decide("accept")
    new = str(tracked.seen.token("analytics"))
    assert check_gate(service, new) == (204, None)
    assert check_gate(service, old) == (403, "withdrawn")
    assert replay(recorded) == "withdrawn"
    assert tracked.labels() == ["page", "page"]
    if carrier != "query":  # its tracker still has the old address
        tracked.fire("again")
        assert tracked.labels()[-1] == "again"


@by_carrier
def test_a_narrower_choice_takes_effect_for_the_next_event(
    page: Page, service: LiveService, npm_dir: Path, tracker: str, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, carrier)
    tracked.accept()
    tracked.fire("page")
    tracked.seen.decide({"purposes": {"analytics": True}, "acquire": {"language": True}})
    tracked.fire("bought")
    if carrier == "query":  # its address holds the wider token, which is revoked
        assert tracked.labels() == ["page"]
    else:
        assert set(tracked.logged()[-1].fields) == expected(tracker, "bought", ["language"])


@pytest.mark.parametrize("carrier", ["cookie", "property", "query"])
def test_the_attention_that_plausible_reports_is_logged_as_browsing(
    page: Page, service: LiveService, npm_dir: Path, carrier: str
) -> None:
    tracked = track(page, service, npm_dir, "plausible", carrier)
    tracked.choose(["analytics"], ["browsing"])
    tracked.fire("page")
    page.evaluate("() => history.pushState(null, '', '/next.html')")
    tracked.fire("page")  # of the page that ended an engagement event tells
    tracked.until(lambda: len(tracked.logged()) == 3)
    ended = next(event for event in tracked.logged() if event.body["n"] == "engagement")
    own = {"i", "r", "$.currency", "$.amount"}
    assert set(ended.fields) == expected("plausible", "engagement", ["browsing"]) - own | {"e", "sd"}
    tracked.seen.decide({"purposes": {"analytics": True}, "acquire": {"language": True}})
    page.evaluate("() => history.pushState(null, '', '/last.html')")
    tracked.fire("page")
    tracked.until(lambda: len(tracked.wire()) == 5)
    assert not any({"e", "sd", "u"} & set(event.fields) for event in tracked.logged()[3:])


@pytest.mark.parametrize("tracker", ["snowplow", "plausible"])
def test_a_held_tracker_sends_nothing_until_it_is_allowed(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    page.evaluate("() => window.cookiegate.ready")
    assert page.evaluate("() => [typeof window.fire, typeof window.snowplowBrowserTracking]") == ["undefined"] * 2
    tracked.reject()
    assert page.evaluate("() => typeof window.fire") == "undefined"
    tracked.seen.decide("accept")
    page.wait_for_function("() => window.answered === 1", polling=50)
    assert tracked.labels() == ["page"]
    page.goto(tracked.address)
    page.wait_for_function("() => window.answered === 1", polling=50)
    assert tracked.labels() == ["page", "page"]
    assert tracked.seen.faults == []


@pytest.mark.parametrize("tracker", ["snowplow", "plausible"])
def test_a_held_tracker_is_not_started_for_another_purpose(
    page: Page, service: LiveService, npm_dir: Path, tracker: str
) -> None:
    tracked = track(page, service, npm_dir, tracker, "cookie", held=True)
    tracked.choose(["quality"], list(CATEGORIES))
    page.reload()
    assert page.evaluate("async () => (await window.cookiegate.ready).purposes.quality") is True
    assert page.evaluate("() => [typeof window.fire, typeof window.snowplowBrowserTracking]") == ["undefined"] * 2
    assert tracked.requests == []

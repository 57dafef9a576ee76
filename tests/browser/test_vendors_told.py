"""What advertising vendors hear by IAB TCF 2.3 and GPP, asked as they ask, read by their own packages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import iab_tcf
import pytest
from playwright.sync_api import Browser, Page
from support.frameworks import FOLDER, VENDOR_LIST, built_frameworks, decoded
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import NONCE_CSP, NONCE_TAG, shop, visit

POLICY = """
tcf:
  cmp_id: 300
  cmp_version: 2
  purposes: {analytics: [1, 8, 9], advertising: [1, 2, 3, 4, 7]}
  special_features: {advertising: [1]}
  vendors: [3, 7, 12, 15, 21]
  publisher_country: DE
  cookie: advertising
gpp:
  sections: [tcfeuv2, usnat, usca]
  sale: [advertising]
  targeted_advertising: [advertising]
"""
#: Asks as vendors do, as early as they do: before any of our scripts is there.
EARLY = """<script>
  window.told = []; window.gppTold = [];
  const wait = setInterval(() => {
    if (!window.__tcfapi || !window.__gpp) return;
    clearInterval(wait);
    __tcfapi("ping", 2, (ping) => (window.firstPing = ping));
    __tcfapi("addEventListener", 2, (data, ok) => told.push([ok, data]));
    __gpp("ping", (ping) => (window.firstGppPing = ping));
    __gpp("addEventListener", (event, ok) => gppTold.push([ok, event]));
  }, 1);
</script>"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The demo with both frameworks."""
    built_frameworks()
    folder: Path = tmp_path_factory.mktemp("frameworks")
    shutil.copy(VENDOR_LIST, folder / "list.json")
    live = LiveService(folder, COOKIEGATE_VENDOR_LIST=str(folder / "list.json"))
    (folder / "demo.yaml").write_text(demo_yaml(live.host.url, lambda text: text + POLICY), encoding="utf-8")
    with live:
        yield live


def tcf(page: Page, command: str, parameter: Any = None) -> tuple[Any, bool]:
    """Asks ``__tcfapi`` in the page."""
    value, ok = page.evaluate(
        "([command, parameter]) => new Promise((done) => __tcfapi(command, 2, (value, ok) => done([value, ok]),"
        " ...(parameter === null ? [] : [parameter])))",
        [command, parameter],
    )
    return value, ok


def gpp(page: Page, command: str, parameter: Any = None) -> Any:
    """Asks ``__gpp`` in the page."""
    return page.evaluate(
        "([command, parameter]) => new Promise((done) => __gpp(command, (value) => done(value), parameter))",
        [command, parameter],
    )


def wait_for_status(page: Page, status: str, least: int = 1) -> dict[str, Any]:
    """The newest TC data, once a listener was told of this status so often."""
    page.wait_for_function(
        "([status, least]) => told.filter(([, data]) => data?.eventStatus === status).length >= least",
        arg=[status, least],
    )
    data: dict[str, Any] = page.evaluate("() => told.at(-1)[1]")
    return data


def yes(vector: dict[str, bool]) -> list[int]:
    """The numbers that a vector says yes to."""
    return sorted(int(number) for number, holds in vector.items() if holds)


def test_vendors_hear_no_before_a_choice_and_exactly_what_was_granted_after_it(
    page: Page, service: LiveService
) -> None:
    seen = visit(page, service).open(shop(head=EARLY))
    assert page.evaluate("() => firstPing") == {
        "gdprApplies": True, "cmpLoaded": False, "cmpStatus": "stub", "apiVersion": "2",
    }  # fmt: skip
    assert page.evaluate("() => firstGppPing.cmpStatus") == "stub"

    # Asked and not answered: no string, no yes, nothing kept.
    asked = wait_for_status(page, "cmpuishown")
    assert asked["tcString"] == ""
    assert (yes(asked["purpose"]["consents"]), yes(asked["vendor"]["consents"])) == ([], [])
    ping, _ = tcf(page, "ping")
    assert {name: ping[name] for name in ("cmpLoaded", "cmpStatus", "displayStatus", "cmpId", "cmpVersion")} == {
        "cmpLoaded": True, "cmpStatus": "loaded", "displayStatus": "visible", "cmpId": 300, "cmpVersion": 2,
    }  # fmt: skip
    page.wait_for_function("() => gppTold.some(([, event]) => event.eventName === 'cmpDisplayStatus')")
    before = gpp(page, "ping")
    assert (before["signalStatus"], before["sectionList"]) == ("not ready", [])
    assert not gpp(page, "hasSection", "usnat")
    assert "euconsent-v2" not in seen.kept()
    assert not [path for _, path, _ in service.host.hits if path.endswith("/list")]

    # One purpose of two.
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    some = wait_for_status(page, "useractioncomplete")
    assert (some["gdprApplies"], some["isServiceSpecific"], some["publisherCC"]) == (True, True, "DE")
    assert yes(some["purpose"]["consents"]) == [1, 8, 9]
    assert yes(some["vendor"]["consents"]) == [3, 12]
    assert "euconsent-v2" not in seen.kept()
    usnat = gpp(page, "getSection", "usnat")
    fields = ("SaleOptOutNotice", "SaleOptOut", "TargetedAdvertisingOptOut", "SharingOptOut", "Gpc")
    assert [usnat[name] for name in fields] == [1, 1, 1, 0, False]

    # Everything.
    seen.decide("accept")
    full = wait_for_status(page, "useractioncomplete", 2)
    assert yes(full["vendor"]["consents"]) == [3, 7, 12]
    assert yes(full["specialFeatureOptins"]) == [1]
    assert seen.kept()["euconsent-v2"] == full["tcString"]
    page.wait_for_function("() => gppTold.at(-1)[1].data === 'ready'")
    assert [gpp(page, "getField", f"{section}.SaleOptOut") for section in ("usnat", "usca")] == [2, 2]
    assert gpp(page, "hasSection", "tcfeuv2")
    whole = gpp(page, "getGPPData")
    assert (whole["sectionList"], whole["applicableSections"]) == ([2, 7, 8], [2, 7, 8])
    page_of_string = gpp(page, "ping")
    assert page_of_string["gppString"] == whole["gppString"]
    assert page_of_string["supportedAPIs"] == ["2:tcfeuv2", "7:usnat", "8:usca"]

    # Whoever opens the dialog again and closes it changes nothing but what is seen.
    page.evaluate("() => cookiegate.open()")
    shown = wait_for_status(page, "cmpuishown", 2)
    assert shown["tcString"] == full["tcString"]
    assert gpp(page, "ping")["signalStatus"] == "not ready"
    page.keyboard.press("Escape")
    closed = wait_for_status(page, "useractioncomplete", 3)
    assert closed["tcString"] == full["tcString"]
    page.wait_for_function("() => gppTold.at(-1)[1].data === 'ready'")

    # For apps, and for single vendors.
    app, ok = tcf(page, "getInAppTCData")
    assert ok
    assert app["purpose"]["consents"][:9] == "111100111"
    few, ok = tcf(page, "getTCData", [3, 40])
    assert ok
    assert few["vendor"]["consents"] == {"3": True, "40": False}

    # Who no longer listens is told nothing more.
    gone, _ = tcf(page, "removeEventListener", full["listenerId"])
    assert gone is True
    count = page.evaluate("() => told.length")
    removed = gpp(page, "removeEventListener", page.evaluate("() => gppTold[0][1].listenerId"))
    assert removed["data"] is True
    seen.decide("withdraw")
    page.wait_for_function("async () => !(await new Promise((d) => __tcfapi('getTCData', 2, d))).purpose.consents[1]")
    withdrawn, _ = tcf(page, "getTCData")
    assert page.evaluate("() => told.length") == count
    assert withdrawn["eventStatus"] == "useractioncomplete"
    assert "euconsent-v2" not in seen.kept()
    assert gpp(page, "getField", "usca.SaleOptOut") == 1
    assert seen.faults == []

    today = datetime.now(UTC).strftime("%Y-%m-%d")
    texts = [some["tcString"], full["tcString"], withdrawn["tcString"]]
    after = gpp(page, "ping")["gppString"]
    one, two, none, united, later = decoded(
        *(("tcf", text) for text in texts), ("gpp", whole["gppString"]), ("gpp", after)
    )
    same = {
        "cmp": [300, 2], "list": 11, "policy": 5, "language": "EN", "country": "DE", "own": True, "day": today,
        "updated": today, "texts": True, "disclosed": [3, 7, 12, 15], "interests": [],
    }  # fmt: skip
    assert one == {**same, "purposes": [1, 8, 9], "vendors": [3, 12], "features": [], "publisher": [1, 8, 9]}
    granted = [1, 2, 3, 4, 7, 8, 9]
    assert two == {**same, "purposes": granted, "vendors": [3, 7, 12], "features": [1], "publisher": granted}
    assert none == {**same, "purposes": [], "vendors": [], "features": [], "publisher": []}
    assert united["tcfeuv2"]["PurposeConsents"][:9] == [True] * 4 + [False] * 2 + [True] * 3
    assert (united["usnat"]["SaleOptOut"], later["usnat"]["SaleOptOut"]) == (2, 1)
    assert not any(later["tcfeuv2"]["PurposeConsents"])
    for text, vendors in zip(texts, ([3, 12], [3, 7, 12], []), strict=True):
        read = iab_tcf.decode(text)
        assert [number for number, holds in sorted(read.consented_vendors.items()) if holds] == vendors
        assert not any(read.interests_vendors.values())
        assert (read.cmp_id, read.consent_language, read.vendor_list_version) == (300, b"EN", 11)


def test_next_page_tells_again_what_holds_and_frames_ask_by_message(page: Page, service: LiveService) -> None:
    # IAB Tech Lab's own stub came first: its queue is taken over.
    stub = (FOLDER / "node_modules" / "@iabtechlabtcf" / "stub" / "lib" / "stub.js").read_text(encoding="utf-8")
    service.file("/their-stub.js", stub)
    inner = """<script>
      addEventListener("message", ({ data }) => {
        const answer = (typeof data === "string" ? JSON.parse(data) : data);
        (window.answers ??= []).push(answer.__tcfapiReturn ?? answer.__gppReturn);
      });
      const ask = () => {
        let frame = window;
        while (frame !== window.top) {
          frame = frame.parent;
          if (frame.frames.__tcfapiLocator && frame.frames.__gppLocator) break;
        }
        if (!frame.frames.__gppLocator) return void setTimeout(ask, 10);
        frame.postMessage({ __tcfapiCall: { command: "addEventListener", version: 2, callId: 1 } }, "*");
        frame.postMessage(JSON.stringify({ __gppCall: { command: "ping", callId: 2 } }), "*");
      };
      ask();
    </script>"""
    frame = service.page(f"<!doctype html><title>Ad</title>{inner}")
    body = f'<iframe id="ad" src="{frame}" title="Ad"></iframe>'
    seen = visit(page, service).open(shop(body=body, head=f'{EARLY}<script src="/their-stub.js"></script>'))
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    first = wait_for_status(page, "useractioncomplete")

    seen.open(shop(body=body, head=f'{EARLY}<script src="/their-stub.js"></script>'))
    again = wait_for_status(page, "tcloaded")
    assert again["tcString"] == first["tcString"]
    assert page.evaluate("() => told.map(([, data]) => data.eventStatus)") == ["tcloaded"]
    child = page.frame(url=frame)
    assert child is not None
    child.wait_for_function("() => window.answers?.length >= 2")
    answers = {answer["callId"]: answer for answer in child.evaluate("() => answers")}
    assert answers[1]["success"]
    assert answers[1]["returnValue"]["tcString"] == first["tcString"]
    assert answers[2]["returnValue"]["cmpStatus"] in ("stub", "loaded")
    assert seen.faults == []


def test_signal_of_the_browser_counts_as_an_opt_out(browser: Browser, service: LiveService) -> None:
    context = browser.new_context(locale="en-GB")
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })")
    page = context.new_page()
    seen = visit(page, service).open(shop(head=EARLY))
    seen.decide({"purposes": {"analytics": True}, "acquire": {}})
    wait_for_status(page, "useractioncomplete")
    usnat = gpp(page, "getSection", "usnat")
    assert (usnat["Gpc"], usnat["SaleOptOut"], usnat["TargetedAdvertisingOptOut"]) == (True, 1, 1)
    context.close()


def test_without_the_files_or_the_list_nobody_hears_a_yes(page: Page, service: LiveService) -> None:
    page.route("**/v1/sites/demo/list", lambda route: route.fulfill(status=200, body="{}"))
    seen = visit(page, service).open(shop(head=EARLY))
    wait_for_status(page, "cmpuishown")
    seen.decide("accept")
    page.wait_for_function("() => window.cookiegate.consent.purposes.advertising")
    data, _ = tcf(page, "getTCData")
    assert (data["tcString"], yes(data["purpose"]["consents"])) == ("", [])
    assert "euconsent-v2" not in seen.kept()
    page.unroute("**/v1/sites/demo/list")

    page.route("**/w/demo@*.js", lambda route: route.fulfill(status=200, body="throw Error('not these bytes')"))
    seen.open(shop(head=EARLY))
    seen.wait_until("consent.purposes.advertising")
    assert tcf(page, "ping")[0]["cmpStatus"] == "stub"
    assert page.evaluate("() => told") == []


def test_a_nonce_reaches_the_files_and_without_them_no_kept_yes_stays(page: Page, service: LiveService) -> None:
    html = shop(script=NONCE_TAG, head=EARLY.replace("<script", '<script nonce="r4nd0m"'))
    seen = visit(page, service).open(html, Content_Security_Policy=NONCE_CSP)
    seen.decide("accept")
    told = wait_for_status(page, "useractioncomplete")
    assert yes(told["vendor"]["consents"]) == [3, 7, 12]
    page.wait_for_function("() => document.cookie.includes('euconsent-v2=')")
    assert seen.kept()["euconsent-v2"] == told["tcString"]
    assert gpp(page, "ping")["cmpStatus"] == "loaded"
    assert seen.faults == []

    page.route("**/w/demo@*.js", lambda route: route.abort())
    seen.open(html, Content_Security_Policy=NONCE_CSP)
    page.wait_for_function("() => !document.cookie.includes('euconsent-v2=')")
    seen.wait_until("consent.purposes.advertising")
    assert tcf(page, "ping")[0]["cmpStatus"] == "stub"

    # Another page of the site wrote it meanwhile: a withdrawal removes that, too.
    page.evaluate("(text) => { document.cookie = `euconsent-v2=${text};path=/` }", told["tcString"])
    seen.decide("withdraw")
    page.wait_for_function("() => !document.cookie.includes('euconsent-v2=')")
    assert page.evaluate("() => told") == []

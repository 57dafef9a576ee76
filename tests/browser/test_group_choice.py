"""Two sites of one group, on hosts of their own beneath one registrable domain, with one service on a third."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from support.browsers import browser_where
from support.live import LiveService
from support.policies import demo_policy, demo_yaml
from support.service import make_bench
from support.visits import BANNER, STATUS, HeldRequest, Visit, shop, visit
from test_surfaces import SHAPE, Stage

from cookiegate.policy.pages import Sharing

DOMAIN = "example.co.uk"
SERVICE = f"http://consent.{DOMAIN}"
BLOG_DECISIONS = re.compile(r"/v1/sites/blog/decisions$")
BLOG_CONSENT = re.compile(r"/v1/sites/blog/consent$")
ANALYTICS = {"purposes": {"analytics": True}, "acquire": {"browsing": True}}
NAMES = {"demo": "Aoba Store", "blog": "The Aoba blog"}


def _policy(site: str, other: str) -> str:
    text = demo_yaml(f"http://{site}.{DOMAIN}", lambda text: text.replace("site: demo", f"site: {site}", 1))
    return f"{text}\nshare: {{group: {{{other}: {NAMES[other]}}}}}\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("group")
    live = LiveService(folder, COOKIEGATE_BASE_URL=SERVICE, COOKIEGATE_SECURE_COOKIES="0")
    (folder / "demo.yaml").write_text(_policy("demo", "blog"), encoding="utf-8")
    (folder / "blog.yaml").write_text(_policy("blog", "demo"), encoding="utf-8")
    live.process.policies += (folder / "blog.yaml",)
    with live:
        for site in NAMES:
            live.page(shop(script=f'<script async src="{SERVICE}/w/{site}.en.js"></script>'), f"/{site}.html")
        live.page(shop(script=f'<script async src="{SERVICE}/w/blog.headless.en.js"></script>'), "/headless.html")
        yield live


@pytest.fixture(scope="module")
def named_browser(browser: Browser, service: LiveService) -> Iterator[Browser]:
    """A browser for which every host of the domain is this machine."""
    with browser_where(f"*.{DOMAIN}", service.host.port, browser) as named:
        yield named


@pytest.fixture
def named_context(named_browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visitor of both sites."""
    context = named_browser.new_context(locale="en-GB")
    yield context
    context.close()


def _visit(context: BrowserContext, service: LiveService) -> Visit:
    service.host.hits.clear()
    return visit(context.new_page(), service)


def _address(site: str, page: str | None = None) -> str:
    return f"http://{site}.{DOMAIN}/{page or site}.html"


def _asked(service: LiveService) -> int:
    """How often the blog's pages asked what holds."""
    return sum(path == "/v1/sites/blog/consent" for _, path, _ in service.host.hits)


def _sent(service: LiveService) -> int:
    """How many decisions of the blog's pages reached the service."""
    return sum(method == "POST" and path == "/v1/sites/blog/decisions" for method, path, _ in service.host.hits)


def _ready(page: Page) -> Any:
    return page.evaluate("async () => { const { state, ask } = await cookiegate.ready; return [state, ask] }")


def test_a_choice_on_one_site_holds_on_the_other(named_context: BrowserContext, service: LiveService) -> None:
    here = _visit(named_context, service).go(_address("demo"))
    expect(here.banner).to_contain_text("Your choice also counts on these sites: The Aoba blog.")
    here.answer("Accept all").click()
    here.wait_until("consent.purposes.analytics")

    there = _visit(named_context, service).go(_address("blog"))
    assert _ready(there.page) == ["granted", False]
    assert there.granted() == ["quality", "analytics", "development", "advertising"]
    assert there.token("analytics") not in (None, here.token("analytics"))
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    assert there.page.locator(BANNER).count() == 0
    kept = {(cookie["name"], cookie["domain"]) for cookie in named_context.cookies()}
    assert kept == {
        *(("cg_choice", f"{host}.{DOMAIN}") for host in ("demo", "blog", "consent")),
        *((f"{name}.{site}", f"consent.{DOMAIN}") for name in ("cg_handle", "cg_choice") for site in NAMES),
        ("cg_token", f"consent.{DOMAIN}"),
    }
    there.go(_address("blog"))
    there.wait_until("consent.purposes.analytics")
    assert _asked(service) == 1

    # Less, chosen there, counts here with the next token; and so does nothing at all.
    there.decide(ANALYTICS)
    here.go(_address("demo"))
    here.wait_until("consent.purposes.analytics")
    assert here.granted() == ["analytics"]
    there.decide("withdraw")
    here.go(_address("demo"))
    here.wait_until("consent.state === 'refused'")
    assert here.token() is None
    assert not [cookie for cookie in named_context.cookies() if cookie["name"].startswith(("cg_handle", "cg_token"))]
    assert here.faults == there.faults == []


def test_a_page_without_an_interface_knows_it_when_it_is_ready(
    named_context: BrowserContext, service: LiveService
) -> None:
    own = _visit(named_context, service).go(_address("blog", "headless"))
    assert _ready(own.page) == ["undecided", True]
    _visit(named_context, service).go(_address("demo")).decide("reject")
    own.go(_address("blog", "headless"))
    assert _ready(own.page) == ["refused", False]
    assert own.faults == []


def test_nobody_waits_long_and_an_own_no_is_not_overwritten(
    named_context: BrowserContext, service: LiveService
) -> None:
    _visit(named_context, service).go(_address("demo")).decide("accept")
    held = HeldRequest(named_context, BLOG_CONSENT)
    there = _visit(named_context, service).go(_address("blog"))
    expect(there.banner).to_be_visible()
    held.wait(there.page)
    assert _asked(service) == 0, "the one that is held was the only one"
    there.answer("Reject all").click()
    there.wait_until("consent.state === 'refused' && !consent.pending")
    held.let_go(there.page)
    there.go(_address("blog"))
    assert _ready(there.page) == ["refused", False]

    # The service was told otherwise; this page says no, and nobody is asked.
    today = datetime.now(UTC).strftime("%Y%m%d")
    named_context.clear_cookies()
    named_context.add_cookies([{"name": "cg_choice", "value": f"refused.1.{today}", "url": _address("blog")}])
    _visit(named_context, service).go(_address("demo")).decide("accept")
    there.go(_address("blog"))
    assert _ready(there.page) == ["refused", False]
    assert there.token() is None
    assert _asked(service) == 0
    assert there.faults == []


@pytest.mark.parametrize("layer", ["banner", "dialog"])
def test_what_it_says_is_kept_as_it_is_shown(browser: Browser, tmp_path: Path, layer: str) -> None:
    group = Sharing(group={"blog": {"ja": "青葉のブログ", "en": "The <b>Aoba</b> blog"}})
    bench = make_bench(tmp_path, policies=(demo_policy(share=group),))
    stage = Stage(browser, bench, "demo", "en")
    drawn, kept = stage.show(layer)
    assert kept.evaluate(SHAPE) == drawn.evaluate(SHAPE)
    expect(drawn).to_contain_text("Your choice also counts on these sites: The <b>Aoba</b> blog.")
    stage.context.close()
    bench.service.close()


def _choose_at_the_service(context: BrowserContext, answer: str) -> None:
    """Answers on the preferences page of the shop, which tells no open page of it."""
    page = context.new_page()
    page.goto(f"{SERVICE}/preferences/demo?lang=en")
    page.get_by_role("button", name=answer, exact=True).click()
    expect(page.get_by_role("status")).to_be_visible()
    page.close()


def _come_back(seen: Visit) -> None:
    """To a tab that is open; headless tabs are visible all the time."""
    seen.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")


def _follows_a_yes(context: BrowserContext, seen: Visit) -> None:
    """An undecided page takes over what is chosen at the service."""
    assert _ready(seen.page) == ["undecided", True]
    _choose_at_the_service(context, "Accept all")
    _come_back(seen)
    seen.wait_until("consent.purposes.analytics")
    expect(seen.banner).to_have_count(0)


def test_an_open_page_follows_what_was_chosen_at_the_service(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    _follows_a_yes(named_context, there)
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    assert there.token("analytics") is not None

    _choose_at_the_service(named_context, "Withdraw everything")
    _come_back(there)
    there.wait_until("consent.state === 'refused'")
    assert there.token() is None
    assert there.sent == there.faults == []


def _wait_here(context: BrowserContext, there: Visit, choice: Any) -> None:
    """Chooses on a page whose decisions do not get through, for the time being."""
    context.route(BLOG_DECISIONS, lambda route: route.abort())
    with there.page.expect_event("requestfailed", lambda request: request.url.endswith("/blog/decisions")):
        there.page.evaluate("(choice) => void cookiegate.decide(choice)", choice)
    there.wait_until("consent.pending")


def _try_again(context: BrowserContext, there: Visit) -> None:
    context.unroute(BLOG_DECISIONS)
    there.page.evaluate("() => dispatchEvent(new Event('online'))")
    there.wait_until("!consent.pending")


def test_a_yes_that_waits_is_void_once_a_no_was_said_at_the_service(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    _wait_here(named_context, there, "accept")
    _choose_at_the_service(named_context, "Reject all")
    _try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    assert there.token() is None
    assert _sent(service) == 0
    expect(there.page.locator(STATUS)).to_have_text("Your choice also counts on these sites: Aoba Store.")
    there.go(_address("blog"))
    assert _ready(there.page) == ["refused", False]
    assert there.faults == []


def test_what_waits_is_sent_where_nothing_less_was_chosen_meanwhile(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    _wait_here(named_context, there, "accept")
    _try_again(named_context, there)
    there.wait_until("consent.purposes.analytics")
    there.decide("withdraw")

    # A no that waits is said, whatever was allowed elsewhere.
    named_context.clear_cookies()
    there.go(_address("blog"))
    assert _ready(there.page) == ["undecided", True]
    _wait_here(named_context, there, "reject")
    _choose_at_the_service(named_context, "Accept all")
    _try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    there.go(_address("blog"))
    assert _ready(there.page) == ["refused", False]
    assert there.token() is None
    assert there.faults == []


def _instead(status: int, body: str, **headers: str) -> dict[str, Any]:
    """What stands between the blog's pages and the service answers in its place."""
    allowed = {"Access-Control-Allow-Origin": f"http://blog.{DOMAIN}", "Access-Control-Allow-Credentials": "true"}
    shown = {"Access-Control-Expose-Headers": "Retry-After", "Content-Type": "application/json"}
    return {"status": status, "body": body, "headers": {**allowed, **shown, **headers}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "no"),
        (429, "{}"),
        (200, "{"),
        (200, "[]"),
        (200, '{"ask": false, "state": "refused"}'),
        (200, '{"ask": false, "state": "refused", "policy_version": 1, "decided_at": 5}'),
        (200, '{"ask": false, "state": "granted", "epoch": "x", "purposes": null, "acquire": null}'),
    ],
)
def test_a_yes_waits_on_until_the_service_says_what_holds(
    named_context: BrowserContext, service: LiveService, status: int, body: str
) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    came: list[Route] = []

    def answer(route: Route) -> None:
        came.append(route)
        route.fulfill(**_instead(status, body))

    named_context.route(BLOG_CONSENT, answer)
    _wait_here(named_context, there, "accept")
    _choose_at_the_service(named_context, "Reject all")
    named_context.unroute(BLOG_DECISIONS)
    before = len(came)
    there.page.evaluate("() => dispatchEvent(new Event('online'))")
    while len(came) == before:  # bounded by the test's own timeout
        there.page.wait_for_timeout(10)
    assert there.consent()["pending"]
    named_context.unroute(BLOG_CONSENT)
    there.wait_until("!consent.pending")
    assert there.consent()["state"] == "refused"
    assert _sent(service) == 0
    assert there.faults == []


def test_a_yes_that_waits_is_void_where_something_else_was_allowed(
    named_context: BrowserContext, service: LiveService
) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    _wait_here(named_context, there, ANALYTICS)
    assert _visit(named_context, service).go(_address("demo")).decide({"purposes": {"quality": True}})
    _try_again(named_context, there)
    there.wait_until("consent.purposes.quality")
    assert there.granted() == ["quality"]
    assert _sent(service) == 0
    assert there.faults == []


@pytest.mark.parametrize("less", ["reject", ANALYTICS])
def test_less_is_sent_by_a_page_that_closes(named_context: BrowserContext, service: LiveService, less: Any) -> None:
    there = _visit(named_context, service).go(_address("blog"))
    there.decide("accept")
    there.wait_until("consent.purposes.analytics")
    _wait_here(named_context, there, less)
    named_context.unroute(BLOG_DECISIONS)
    before = _sent(service)
    there.page.goto("about:blank")
    while _sent(service) == before:  # bounded by the test's own timeout
        there.page.wait_for_timeout(10)


@pytest.mark.parametrize("day", ["20200101", "yesterday"])
def test_an_older_refusal_here_does_not_hide_a_newer_one(
    named_context: BrowserContext, service: LiveService, day: str
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y%m%d")
    refused = f"refused.1.{yesterday if day == 'yesterday' else day}"
    named_context.add_cookies([{"name": "cg_choice", "value": refused, "url": _address("blog")}])
    there = _visit(named_context, service).go(_address("blog"))
    _wait_here(named_context, there, "accept")
    _choose_at_the_service(named_context, "Reject all")
    _try_again(named_context, there)
    assert there.consent()["state"] == "refused"
    assert _sent(service) == 0
    assert there.faults == []


def test_a_page_whose_refusal_has_expired_follows(named_context: BrowserContext, service: LiveService) -> None:
    named_context.add_cookies([{"name": "cg_choice", "value": "refused.1.20200101", "url": _address("blog")}])
    there = _visit(named_context, service).go(_address("blog"))
    _follows_a_yes(named_context, there)
    assert there.sent == there.faults == []


def test_a_tab_that_is_seen_often_asks_seldom(named_context: BrowserContext, service: LiveService) -> None:
    there = _visit(named_context, service)
    there.page.clock.install()
    there.go(_address("blog")).decide("accept")
    there.wait_until("consent.purposes.analytics")
    came: list[str] = []

    def refuse(route: Route) -> None:
        came.append(route.request.url)
        route.fulfill(**_instead(429, "{}", **{"Retry-After": "60"}))

    named_context.route(BLOG_CONSENT, refuse)
    with there.page.expect_request_finished(lambda request: request.url.endswith("/blog/consent")):
        there.page.evaluate("() => { for (let i = 0; i < 50; i++) dispatchEvent(new Event('visibilitychange')) }")
    assert len(came) == 1
    there.page.clock.run_for(50_000)
    _come_back(there)
    assert len(came) == 1
    with there.page.expect_request_finished(lambda request: request.url.endswith("/blog/consent")):
        there.page.clock.run_for(15_000)  # less than the page's patience with an answer
    assert len(came) == 2
    assert there.faults == []

"""Threats by pages, in Chromium: framed pages, forms and scripts of another site, a host page that is hostile to us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.live import Host, LiveService
from support.visits import shop, visit

from security.attacks import writing_cells

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The site: its pages and the service under one origin."""
    with LiveService(tmp_path_factory.mktemp("threats")) as live:
        yield live


@pytest.fixture(scope="module")
def attacker() -> Iterator[Host]:
    """Another site's web server; by its other name it is of another site than 127.0.0.1."""
    host = Host()
    yield host
    host.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visitor."""
    context = browser.new_context(locale="en-GB")
    yield context
    context.close()


def lure(attacker: Host, html: str) -> str:
    """Serves a page of the attacker's and returns its address."""
    path = f"/lure-{len(attacker.pages)}.html"
    attacker.pages[path] = ("text/html; charset=utf-8", html.encode(), {})
    return f"http://localhost:{attacker.port}{path}"


def consenting(context: BrowserContext, service: LiveService) -> Page:
    """Somebody who has accepted everything on the site."""
    page = context.new_page()
    seen = visit(page, service).open(shop())
    assert seen.decide("accept")["state"] == "granted"
    return page


def state(context: BrowserContext, service: LiveService) -> str:
    """What the service knows of this browser."""
    answer = context.request.get(f"{service.url}/v1/sites/demo/consent")
    return str(answer.json()["state"])


@pytest.mark.parametrize(
    "page", ["/preferences/demo", "/preferences/demo/record", "/preferences/demo/request", "/notice/demo", "/openapi"]
)
def test_clickjacking_a_framed_page_shows_nothing_to_click(
    context: BrowserContext, service: LiveService, attacker: Host, page: str
) -> None:
    frame = f'<iframe src="{service.url}{page}" style="opacity:0.01" width="900" height="900"></iframe>'
    tab = context.new_page()
    for address in (lure(attacker, frame), service.page(frame)):  # not even on the site itself
        with tab.expect_console_message(lambda message: "frame-ancestors" in message.text):
            tab.goto(address)
        assert len(tab.frames) == 2
        assert not tab.frames[1].url.startswith(service.url)


def forms() -> list[str]:
    """Every address that takes a form."""
    paths = [cell.split(" ")[1] for cell in writing_cells() if cell.startswith("POST /preferences/")]
    return [path.replace("<site>", "demo").replace("<reference>", "R-7K3M-9QXT") for path in paths]


@pytest.mark.parametrize("method", ["form", "fetch", "fetch as text", "beacon"])
def test_csrf_of_another_site_changes_nothing(
    context: BrowserContext, service: LiveService, attacker: Host, method: str
) -> None:
    consenting(context, service)
    tab, answers = context.new_page(), []
    tab.on("response", lambda answer: answers.append(answer) if service.url in answer.url else None)
    for path in [
        *forms(),
        "/v1/sites/demo/decisions",
        "/v1/sites/demo/token",
        "/v1/sites/demo/record/erase",
        "/v1/sites/demo/requests",
    ]:
        url = service.url + path
        fields = "".join(
            f'<input name="{name}" value="{value}">' for name, value in {"do": "erase", "action": "withdraw"}.items()
        )
        if method == "form":
            tab.goto(lure(attacker, f'<form method="post" action="{url}">{fields}</form>'))
            with tab.expect_navigation():
                tab.evaluate("() => document.forms[0].submit()")
            continue
        tab.goto(lure(attacker, "<p>win a prize</p>"))
        headers = (
            {"Content-Type": "application/json", "Idempotency-Key": "k" * 20}
            if method == "fetch"
            else {"Content-Type": "text/plain"}
        )
        script = {
            "beacon": "async ([url]) => { navigator.sendBeacon(url, '{}'); return 'sent' }",
        }.get(
            method,
            "async ([url, headers]) => fetch(url, { method: 'POST', credentials: 'include', headers, body: '{}' })"
            ".then(() => 'read', () => 'refused')",
        )
        assert tab.evaluate(script, [url, headers]) != "read"
    assert state(context, service) == "granted"
    posted = [answer for answer in answers if answer.request.method == "POST"]
    assert all(answer.status in (403, 404) for answer in posted)


def test_csrf_a_page_elsewhere_reads_nothing(context: BrowserContext, service: LiveService, attacker: Host) -> None:
    consenting(context, service)
    tab = context.new_page()
    tab.goto(lure(attacker, "<p>win a prize</p>"))
    for path in (
        "/v1/sites/demo/consent",
        "/v1/sites/demo/record",
        "/preferences/demo/record",
        "/preferences/demo/receipt.json",
        "/metrics",
    ):
        script = "async (url) => fetch(url, { credentials: 'include' }).then((answer) => answer.text(), () => null)"
        assert tab.evaluate(script, service.url + path) is None
    hidden = tab.evaluate(
        "async (url) => new Promise((done) => { const tag = document.createElement('script'); tag.src = url;"
        " tag.onload = () => done('ran'); tag.onerror = () => done('refused'); document.head.append(tag) })",
        f"{service.url}/v1/sites/demo/consent",
    )
    assert hidden == "refused"


HOSTILE = """<script>
  Object.prototype.analytics = true; Object.prototype.granted = true; Object.prototype.state = "granted";
  Object.prototype.__proto__x = 1; Object.prototype.toJSON = undefined; Array.prototype.toJSON = () => ["accept"];
  Object.prototype.purposes = { analytics: true }; Object.prototype.action = "accept"; Object.prototype.token = "x";
  Object.defineProperty(Object.prototype, "consent", { get() { return { state: "granted" } }, configurable: true });
  String.prototype.split = () => ["granted", "1", "20991231", "9", "analytics", "ip"];
  document.cookie = "cg_choice=granted.1.20991231.9.analytics.ip";
</script>
<form name="cookie"></form><img name="currentScript"><a id="cookiegate"></a>
<form id="consent"><input name="state"></form>
<iframe name="fetch" srcdoc=""></iframe><img id="localStorage"><form name="body"></form><img name="querySelectorAll">"""


def test_hostile_host_page_grants_itself_nothing(context: BrowserContext, service: LiveService) -> None:
    page = context.new_page()
    held = '<script type="text/plain" data-consent="analytics">window.ran = 1</script>'
    page.goto(service.page(shop(held, script=HOSTILE + '<script src="/w/demo.en.js"></script>')))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("() => window.ran") is None
    assert state(context, service) == "undecided"
    kept = {cookie["name"] for cookie in context.cookies()}
    assert "cg_token" not in kept
    assert "cg_handle.demo" not in kept


def test_hostile_host_page_cannot_make_a_choice_out_of_the_config(
    context: BrowserContext, service: LiveService
) -> None:
    page = context.new_page()
    seen = visit(page, service).open(shop())
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/decisions") else None)
    for wish in ('{"__proto__":{"purposes":{"analytics":true}}}', '{"constructor":{"prototype":{"analytics":true}}}'):
        seen.decide(json.loads(wish))
        assert page.evaluate("() => ({}).analytics") is None
        assert page.evaluate("() => ({}).purposes") is None
    assert seen.consent()["purposes"]["analytics"] is False
    assert sent == []
    expect(seen.banner).to_be_visible()

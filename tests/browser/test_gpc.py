"""Global Privacy Control in the page: before anything runs, shown, and in the order that the documentation names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from support.live import LiveService
from support.policies import demo_yaml
from support.visits import CORNER, STATUS, Visit, shop, visit

HONOURED = "“Global Privacy Control”. It is honoured: without your explicit permission, nothing is used for"
OVERRIDDEN = "You gave permission although your browser sends the signal “Global Privacy Control”"
HELD = """<script type="text/plain" data-consent="analytics">window.ran = ["analytics"]</script>
<script type="text/plain" data-consent="advertising">(window.ran ??= []).push("advertising")</script>"""


def send_signal(context: BrowserContext, *, header: bool = True) -> None:
    """Makes a browser that knows no such signal send it; without the header, as behind a proxy that takes it away."""
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true, configurable: true })"
    )
    if header:
        context.set_extra_http_headers({"Sec-GPC": "1"})


@pytest.fixture
def signalling(context: BrowserContext, service: LiveService) -> Visit:
    """A visitor whose browser sends the signal."""
    send_signal(context)
    return visit(context.new_page(), service)


def ran(shopper: Visit) -> list[str]:
    """What of the held scripts has run."""
    found: list[str] = shopper.page.evaluate("() => window.cookiegate.token().then(() => window.ran || [])")
    return found


def test_the_signal_is_shown_and_accept_all_leaves_out_what_it_affects(signalling: Visit) -> None:
    page = signalling.open(shop(HELD)).page
    expect(signalling.banner).to_contain_text(f"{HONOURED} Advertising")
    assert "cg_choice" not in signalling.kept()
    signalling.answer("Accept all").click()
    signalling.wait_until("consent.purposes.analytics && !consent.pending")
    assert signalling.granted() == ["quality", "analytics", "development"]
    assert ran(signalling) == ["analytics"]
    assert [body["signal"] for _, body in signalling.sent] == ["gpc"]
    page.locator(CORNER).click()
    expect(signalling.dialog).to_contain_text(HONOURED)
    toggle = signalling.dialog.get_by_role("switch", name="Advertising")
    expect(toggle).not_to_be_checked()
    toggle.check()
    signalling.dialog.get_by_role("switch", name="Browsing").check()
    signalling.dialog.get_by_role("button", name="Save").click()
    signalling.wait_until("consent.purposes.advertising && !consent.pending")
    assert "advertising" in ran(signalling)
    signalling.go(page.url)
    signalling.wait_until("consent.purposes.advertising && !consent.pending")
    assert len(signalling.sent) == 2  # a yes by name is not ended by the signal that it was given under
    page.locator(CORNER).click()
    expect(signalling.dialog).to_contain_text(OVERRIDDEN)
    assert signalling.faults == []


@pytest.mark.parametrize("header", [True, False])
def test_a_signal_that_appears_later_ends_an_earlier_yes_before_anything_runs(
    context: BrowserContext, service: LiveService, header: bool
) -> None:
    before = visit(context.new_page(), service).open(shop(HELD))
    before.decide("accept")
    assert "advertising" in ran(before)
    before.page.close()
    send_signal(context, header=header)
    after = visit(context.new_page(), service)
    after.page.add_init_script(
        "addEventListener('cookiegate:change', ({ detail }) => { (window.told ??= []).push(detail) }, true)"
    )
    after.open(shop(HELD))
    expect(after.page.locator(STATUS)).to_contain_text(HONOURED)
    after.wait_until("consent.purposes.analytics && !consent.pending")
    assert after.granted() == ["quality", "analytics", "development"]
    assert ran(after) == ["analytics"]
    assert not after.page.evaluate("() => (window.told || []).some(({ purposes }) => purposes.advertising)")
    assert [body["action"] for _, body in after.sent] == ["signal"]
    assert after.consent()["epoch"] == 2
    after.go(after.page.url)
    after.wait_until("consent.purposes.analytics && !consent.pending")
    assert len(after.sent) == 1


@pytest.fixture
def all_affected(tmp_path: Path) -> Iterator[LiveService]:
    """A site of which a signal switches off everything."""
    live = LiveService(tmp_path)
    more = "\nsignals: {affects: [quality, analytics, development]}\n"
    (tmp_path / "demo.yaml").write_text(demo_yaml(live.host.url) + more, encoding="utf-8")
    with live:
        yield live


def test_nobody_is_asked_for_what_the_signal_has_answered(browser: Browser, all_affected: LiveService) -> None:
    context = browser.new_context(locale="en-GB")
    send_signal(context)
    shopper = visit(context.new_page(), all_affected).open(shop(HELD + '<a href="/next.html">on</a>'))
    all_affected.page(shop(HELD), "/next.html")
    expect(shopper.page.locator(STATUS)).to_contain_text(HONOURED)
    expect(shopper.banner).to_have_count(0)
    assert (shopper.consent()["ask"], shopper.consent()["ask_reason"], ran(shopper)) == (False, None, [])
    assert shopper.kept() == {}
    shopper.page.get_by_role("link", name="on").click()
    shopper.page.wait_for_url("**/next.html")
    expect(shopper.page.locator(CORNER)).to_be_visible()
    expect(shopper.page.locator(STATUS)).to_have_count(0)
    shopper.page.locator(CORNER).click()
    expect(shopper.dialog).to_contain_text(HONOURED)
    assert shopper.dialog.locator("input:checked").count() == 0
    assert shopper.sent == []
    context.close()

"""The files that few need: fetched when a visitor comes near to them, those that the first names, never in the way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from support.live import LiveService
from support.visits import BANNER, STATUS, STRICT_CSP, Visit, script_of, shop, visit

SECOND = re.compile(r"/w/demo@[0-9a-f]{64}\.js")
VIOLATIONS = (
    "window.violations = [];"
    "addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective))"
)
#: Days from today on, as an English page writes them.
DAYS = """(days) => days.map((day) => new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" })
  .format(Date.now() + day * 86400000))"""


def fetched(page: Page) -> list[str]:
    """The second files that are asked for from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if SECOND.search(request.url) else None)
    return found


def test_it_is_fetched_once_when_a_visitor_comes_near(page: Page, service: LiveService) -> None:
    asked = fetched(page)
    page.add_init_script(VIOLATIONS)
    seen = visit(page, service).open(shop(), Content_Security_Policy=STRICT_CSP)
    expect(seen.banner).to_be_visible()
    seen.answer("Reject all").hover()
    seen.banner.get_by_role("link").first.focus()
    page.locator("#first-link").hover()
    assert asked == []
    with page.expect_response(SECOND) as response:
        seen.answer("Choose").hover()
    assert response.value.header_value("Cache-Control") == "public, max-age=31536000, immutable"
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(seen.dialog).to_have_count(0)
    expect(seen.answer("Choose")).to_be_focused()
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    assert len(set(asked)) == len(asked) == 1
    assert page.evaluate("() => window.violations") == []
    assert seen.faults == []


def test_a_page_that_holds_a_frame_fetches_what_stands_in_for_it_and_not_the_dialog(
    page: Page, service: LiveService
) -> None:
    asked = fetched(page)
    held = '<iframe data-consent="analytics" data-src="/map.html" width="400" height="300"></iframe>'
    seen = visit(page, service).open(shop(held))
    expect(page.frame_locator("iframe").get_by_role("button", name="Show this time")).to_be_visible()
    (covers,) = asked
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    assert [covers in asked, len(asked)] == [True, 2]


@pytest.mark.parametrize("way", ["focus", "tap", "own"])
def test_the_keyboard_a_finger_and_the_page_s_own_control_come_near_as_well(
    browser: Browser, service: LiveService, way: str
) -> None:
    context = browser.new_context(locale="en-GB", has_touch=True)
    page = context.new_page()
    own = "<button data-cookiegate-open id=own><span>Cookies</span></button>"
    seen = visit(page, service).open(shop(own))
    expect(seen.banner).to_be_visible()
    with page.expect_response(SECOND):
        if way == "focus":
            seen.answer("Choose").focus()
        elif way == "tap":
            seen.answer("Choose").evaluate(
                "(button) => addEventListener('click', (event) => event.stopPropagation(), true)"
            )
            seen.answer("Choose").tap()
        else:
            page.locator("#own span").hover()
    context.close()


def changed_on_the_way(route: Route) -> None:
    """Somebody between the service and the page."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text() + "\nwindow.tampered = true;")


def gone(route: Route) -> None:
    """A proxy that lost it."""
    route.fulfill(status=404, body="no", headers={"Access-Control-Allow-Origin": "*"})


@pytest.mark.parametrize("trouble", [changed_on_the_way, gone])
def test_what_is_not_the_file_that_was_named_opens_the_preferences_page_instead(
    context: BrowserContext, page: Page, service: LiveService, trouble: Callable[[Route], None]
) -> None:
    context.route(SECOND, trouble)
    seen = visit(page, service).open(shop())
    with page.expect_popup() as other:
        seen.answer("Choose").click()
    expect(other.value).to_have_url(re.compile(r"/preferences/demo\?lang=en$"))
    assert other.value.evaluate("() => window.opener") is None
    assert page.evaluate("() => window.tampered") is None
    expect(seen.banner).to_be_visible()
    context.unroute(SECOND)
    seen.answer("Choose").click()  # it is asked for again
    expect(seen.dialog).to_be_visible()


def test_a_service_that_is_down_leaves_page_and_banner_usable(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    service.cut()
    with page.expect_popup():
        seen.answer("Choose").click()
    page.locator("#first-link").click()
    seen.answer("Reject all").click()
    expect(page.locator(STATUS)).to_contain_text("not been saved yet")
    expect(seen.banner).to_have_count(0)
    assert seen.consent()["state"] == "refused"


def test_a_pinned_script_finds_its_second_file_on_another_origin_s_page(page: Page, service: LiveService) -> None:
    """As pages of a site load it from the service's own address."""
    body = script_of(service)
    path = service.file("/copies/pinned.js", body)
    seen = visit(page, service).open(shop(script=f'<script src="{path}"></script>'))
    seen.answer("Choose").click()
    expect(seen.dialog.get_by_role("link", name="What is recorded about me")).to_have_attribute(
        "href", re.compile(r"/preferences/demo/record\?lang=en$")
    )


def test_the_dialog_says_what_a_no_costs_and_until_when_a_choice_counts(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    row = seen.dialog.locator("li", has=page.get_by_role("switch", name="Analytics"))
    expect(row).to_contain_text("If you say no")
    expect(seen.dialog.locator("li").first).not_to_contain_text("If you say no")  # it cannot be refused
    expect(seen.dialog).not_to_contain_text("You chose on")
    expect(seen.dialog.get_by_role("button", name="Withdraw")).to_have_count(0)
    seen.dialog.get_by_role("button", name="Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    page.evaluate("() => window.cookiegate.open()")
    expect(seen.dialog).to_contain_text("You chose on")
    expect(seen.dialog.get_by_role("button", name="Withdraw")).to_have_count(0)
    seen.dialog.get_by_role("button", name="Accept all").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    page.evaluate("() => window.cookiegate.open()")
    for day in page.evaluate(DAYS, [0, 180]):
        expect(seen.dialog).to_contain_text(day)


def open_from_the_corner(seen: Visit) -> None:
    seen.page.locator(".cg-corner button").click()
    expect(seen.dialog).to_be_visible()


def test_a_withdrawal_takes_as_many_clicks_as_a_grant(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    seen.dialog.get_by_role("button", name="Accept all").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    open_from_the_corner(seen)
    seen.dialog.get_by_role("button", name="Withdraw my permission").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert seen.sent[-1][1]["action"] == "withdraw"
    assert seen.granted() == []


def test_a_page_s_own_control_refuses_and_withdraws_with_one_click(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop("<button id=out data-cookiegate-reject>No thanks</button>"))
    seen.answer("Accept all").click()
    seen.wait_until("consent.state === 'granted' && !consent.pending")
    page.locator("#out").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert seen.sent[-1][1]["action"] == "withdraw"
    page.context.clear_cookies()
    page.reload()
    page.locator("#out").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert seen.sent[-1][1]["action"] == "reject"
    expect(page.locator(BANNER)).to_have_count(0)

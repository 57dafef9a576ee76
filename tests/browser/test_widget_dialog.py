"""The second layer, and both layers for people who use the keyboard or a screen reader."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from support.live import LiveService
from support.visits import CORNER, shop, visit


def test_nothing_is_ticked_for_a_first_choice_and_security_has_no_switch(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    switches = seen.dialog.get_by_role("switch")
    assert switches.count() == 4 + 7
    assert [switch.is_checked() for switch in switches.all()] == [False] * 11
    expect(seen.dialog.get_by_role("switch", name="Security")).to_have_count(0)
    expect(seen.dialog.locator("li").first).to_contain_text("Always on")


def test_each_purpose_says_what_how_long_and_who(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    row = seen.dialog.locator("li", has=page.get_by_role("switch", name="Advertising"))
    expect(row).to_contain_text("Browsing and Identifiers")
    expect(row).to_contain_text("180 days")
    expect(row).to_contain_text("Aoba Ads, Inc. (advertising) · Third party · Japan")
    expect(row.get_by_role("link")).to_have_attribute("href", "https://ads.example.jp/privacy")


def test_the_whole_way_works_with_the_keyboard_alone(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    expect(seen.banner).to_be_visible()
    for _ in range(4 + seen.banner.get_by_role("link").count() - 1):
        page.keyboard.press("Tab")
    expect(seen.answer("Choose")).to_be_focused()
    page.keyboard.press("Enter")
    expect(seen.dialog).to_be_visible()
    expect(seen.dialog.get_by_role("heading", level=2)).to_be_focused()
    analytics = seen.dialog.get_by_role("switch", name="Analytics")
    for _ in range(40):
        page.keyboard.press("Tab")
        if analytics.evaluate("(input) => input === document.activeElement"):
            break
    page.keyboard.press("Space")
    expect(analytics).to_be_checked()
    save = seen.dialog.get_by_role("button", name="Save my choice")
    for _ in range(40):
        page.keyboard.press("Tab")
        if save.evaluate("(button) => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    seen.wait_until("consent.purposes.analytics")
    assert seen.granted() == ["analytics"]
    expect(seen.banner).to_have_count(0)


def test_focus_stays_in_the_dialog(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    expect(seen.dialog).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        # The browser's own bar is part of the round; the page behind is not.
        assert page.evaluate(
            "() => document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )


def test_escape_closes_the_dialog_and_gives_the_focus_back(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.answer("Choose").click()
    seen.dialog.get_by_role("switch", name="Analytics").check()
    page.keyboard.press("Escape")
    expect(seen.dialog).to_have_count(0)
    expect(seen.answer("Choose")).to_be_focused()
    assert seen.kept() == {}
    assert seen.sent == []


def test_the_standing_control_opens_the_dialog_with_the_choice_that_holds(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide({"purposes": {"quality": True}, "acquire": {"screen": True}})
    page.locator(CORNER).click()
    expect(seen.dialog).to_be_visible()
    ticked = [
        box.get_attribute("aria-describedby") for box in seen.dialog.get_by_role("switch").all() if box.is_checked()
    ]
    assert ticked == ["cg-purposes-quality", "cg-acquire-screen"]
    page.keyboard.press("Escape")
    expect(page.locator(CORNER)).to_be_focused()


def test_a_page_may_place_the_standing_control_itself(page: Page, service: LiveService) -> None:
    footer = '<footer><a href="/nowhere" data-cookiegate-open><b>Privacy settings</b></a></footer>'
    seen = visit(page, service).open(shop(footer))
    seen.answer("Reject all").click()
    expect(seen.banner).to_have_count(0)
    expect(page.locator(CORNER)).to_have_count(0)
    page.get_by_text("Privacy settings").click()
    expect(seen.dialog).to_be_visible()
    assert "/nowhere" not in page.url


def test_refusing_in_the_dialog_after_a_grant_is_a_withdrawal(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop())
    seen.decide("accept")
    page.evaluate("() => window.cookiegate.open()")
    seen.dialog.get_by_role("button", name="Reject all").click()
    seen.wait_until("consent.state === 'refused' && !consent.pending")
    assert [body["action"] for _, body in seen.sent] == ["accept", "withdraw"]

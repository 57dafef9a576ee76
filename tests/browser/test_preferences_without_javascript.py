"""The visitor's pages with JavaScript off: see the choice, change it, take it back, and how to refuse cookies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from support.live import LiveService
from support.record import Record

PREFERENCES = "/preferences/demo?lang=en"
CATEGORIES = ["ip", "device", "language", "screen", "browsing", "identifier", "other"]


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who has JavaScript switched off."""
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    yield context
    context.close()


@pytest.fixture
def tab(plain: BrowserContext) -> Page:
    """That visitor's tab."""
    return plain.new_page()


@pytest.fixture
def record(service: LiveService) -> Record:
    """What this test adds to the record."""
    return Record(service)


def kept(page: Page) -> dict[str, str]:
    """The browser's cookies."""
    return {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}


def state(page: Page) -> Locator:
    """What the page says holds now."""
    return page.locator(".status .state")


def flash(page: Page) -> Locator:
    """What the page says of the form that led here."""
    return page.locator(".flash")


def press(page: Page, name: str) -> None:
    """Presses one of the page's buttons, once."""
    page.get_by_role("button", name=name, exact=True).click()


def test_an_undecided_visitor_sees_everything_and_nothing_is_ticked(tab: Page, service: LiveService) -> None:
    tab.goto(service.url + PREFERENCES)
    expect(state(tab)).to_have_text("Not chosen yet")
    expect(flash(tab)).to_have_count(0)
    assert [box.is_checked() for box in tab.get_by_role("checkbox").all()] == [False] * 11
    expect(tab.get_by_role("button", name="Withdraw everything")).to_have_count(0)
    expect(tab.locator(".facts", has_text="Version of the policy").first).to_contain_text("Version 1")
    for title in ("Security", "Analytics", "Advertising"):
        expect(tab.get_by_role("rowheader", name=title)).to_be_visible()
    assert kept(tab) == {}


def test_accept_change_and_withdraw_take_one_press_each(tab: Page, service: LiveService, record: Record) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Accept all")
    expect(flash(tab)).to_have_text("Your choice has been saved and takes effect now.")
    expect(state(tab)).to_have_text("You have allowed everything")
    assert [box.is_checked() for box in tab.get_by_role("checkbox").all()] == [True] * 11
    cookies = kept(tab)
    assert set(cookies) == {"cg_choice", "cg_handle.demo", "cg_token"}
    everything = f"1.quality+analytics+development+advertising.{'+'.join(CATEGORIES)}"
    assert cookies["cg_choice"].startswith("granted.1.")
    assert cookies["cg_choice"].endswith(everything)

    tab.get_by_label("Advertising", exact=True).uncheck()
    tab.get_by_label("Identifiers", exact=True).uncheck()
    press(tab, "Save my choice")
    expect(state(tab)).to_have_text("You have allowed some")
    assert kept(tab)["cg_choice"].endswith(".2.quality+analytics+development.ip+device+language+screen+browsing+other")
    assert kept(tab)["cg_handle.demo"] == cookies["cg_handle.demo"]
    assert kept(tab)["cg_token"] != cookies["cg_token"]

    press(tab, "Withdraw everything")
    expect(flash(tab)).to_contain_text("Your permission has been withdrawn.")
    expect(state(tab)).to_have_text("You have refused")
    assert list(kept(tab)) == ["cg_choice"]
    assert kept(tab)["cg_choice"].startswith("refused.1.")
    assert record.actions() == ["accept", "choose", "withdraw"]


def test_a_reject_leaves_one_cookie_and_no_name(tab: Page, service: LiveService, record: Record) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Reject all")
    expect(flash(tab)).to_contain_text("Your refusal has been saved.")
    expect(state(tab)).to_have_text("You have refused")
    assert list(kept(tab)) == ["cg_choice"]
    assert [row["sub"] for row in record.rows("decisions")] == [None]
    assert record.rows("consents") == []


def test_nothing_ticked_is_a_refusal(tab: Page, service: LiveService, record: Record) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Save my choice")
    expect(state(tab)).to_have_text("You have refused")
    assert list(kept(tab)) == ["cg_choice"]
    assert record.rows("consents") == []


def test_the_same_form_sent_twice_is_one_decision(tab: Page, service: LiveService, record: Record) -> None:
    tab.goto(service.url + PREFERENCES)
    tab.get_by_role("button", name="Accept all", exact=True).dblclick()
    expect(state(tab)).to_have_text("You have allowed everything")
    assert record.actions() == ["accept"]
    assert len(record.rows("consents")) == 1


def test_an_old_page_cannot_undo_a_withdrawal(tab: Page, service: LiveService, record: Record) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Accept all")
    other = tab.context.new_page()
    other.goto(service.url + PREFERENCES)
    press(tab, "Withdraw everything")
    expect(state(tab)).to_have_text("You have refused")
    press(other, "Save my choice")  # everything is still ticked there, but it was read at an older epoch
    expect(flash(other)).to_contain_text("Your choice was not saved")
    expect(flash(other)).to_have_attribute("role", "alert")
    expect(state(other)).to_have_text("You have refused")
    assert list(kept(tab)) == ["cg_choice"]
    assert record.actions() == ["accept", "withdraw"]


def test_the_choice_of_a_page_without_javascript_holds_in_one_with_it(
    browser: Browser, tab: Page, service: LiveService
) -> None:
    tab.goto(service.url + PREFERENCES)
    tab.get_by_label("Analytics", exact=True).check()
    tab.get_by_label("Language", exact=True).check()
    press(tab, "Save my choice")
    expect(state(tab)).to_have_text("You have allowed some")
    context = browser.new_context(locale="en-GB", storage_state=tab.context.storage_state())
    page = context.new_page()
    page.goto(service.page('<!doctype html><html lang="en"><title>Shop</title><script src="/w/demo.en.js"></script>'))
    consent = page.evaluate("async () => JSON.parse(JSON.stringify(await window.cookiegate.ready))")
    assert [key for key, holds in consent["purposes"].items() if holds] == ["security", "analytics"]
    assert [key for key, holds in consent["acquire"].items() if holds] == ["language"]
    assert page.evaluate("() => window.cookiegate.token('analytics')")
    page.evaluate("() => window.cookiegate.decide('withdraw')")
    page.goto(service.url + PREFERENCES)
    expect(state(page)).to_have_text("You have refused")
    context.close()


def test_the_language_switches_and_stays_after_a_decision(tab: Page, service: LiveService) -> None:
    tab.goto(f"{service.url}/preferences/demo")
    expect(tab.locator("html")).to_have_attribute("lang", "en")
    tab.get_by_role("navigation").get_by_role("link", name="日本語").click()
    expect(tab.locator("html")).to_have_attribute("lang", "ja")
    expect(tab.locator("[aria-current=true]")).to_have_text("日本語")
    expect(tab.locator(".status.undecided")).to_be_visible()
    tab.locator("button[value=accept]").click()
    expect(tab.locator("html")).to_have_attribute("lang", "ja")
    expect(flash(tab)).to_be_visible()
    tab.locator("button[value=withdraw]").click()
    expect(tab.locator("html")).to_have_attribute("lang", "ja")
    expect(flash(tab)).to_be_visible()
    tab.get_by_role("navigation").get_by_role("link", name="English").click()
    expect(state(tab)).to_have_text("You have refused")


def test_a_japanese_browser_gets_japanese(browser: Browser, service: LiveService) -> None:
    context = browser.new_context(locale="ja-JP", java_script_enabled=False)
    page = context.new_page()
    for path in ("/preferences/demo", "/notice/demo"):
        page.goto(service.url + path)
        expect(page.locator("html")).to_have_attribute("lang", "ja")
    context.close()


BROWSERS = [
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        "Chrome on a computer",
        "On-device site data",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        "Safari on iPhone and iPad",
        "Block All Cookies",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Safari/605.1.15",
        "Safari on Mac",
        "Block all cookies",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
        "Firefox on a computer",
        "Manage Exceptions…",
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) "
        "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Samsung Internet",
        "Allow cookies",
    ),
    ("SomethingNew/1.0", "We cannot tell which browser you use", "search the settings for “cookie”"),
]


@pytest.mark.parametrize(("agent", "name", "step"), BROWSERS, ids=[name for _, name, _ in BROWSERS])
def test_the_guidance_is_for_the_visitors_own_browser(
    browser: Browser, service: LiveService, agent: str, name: str, step: str
) -> None:
    context = browser.new_context(locale="en-GB", java_script_enabled=False, user_agent=agent)
    page = context.new_page()
    page.goto(service.url + PREFERENCES)
    yours = page.locator(".yours")
    expect(yours.get_by_role("heading", level=3)).to_contain_text(name)
    expect(yours).to_contain_text(step)
    expect(yours).to_contain_text("What will then not work")
    page.locator("summary", has_text="Microsoft Edge on a computer").click()
    expect(page.locator("details[open]")).to_contain_text("Allow sites to save and read cookie data")
    context.close()


def test_the_notice_is_readable_and_leads_to_the_choice(tab: Page, service: LiveService) -> None:
    tab.goto(f"{service.url}/notice/demo?lang=en")
    for text in ("Aoba Cloud, Inc.", "Aoba Ads, Inc.", "Version 1"):
        expect(tab.get_by_text(text).first).to_be_visible()
    tab.get_by_role("link", name="See or change your choice").first.click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Your privacy choices")


def test_an_unknown_site_is_a_page_and_not_a_document(tab: Page, service: LiveService) -> None:
    answer = tab.goto(f"{service.url}/preferences/nobody")
    assert answer is not None
    assert answer.status == 404
    expect(tab.get_by_role("heading", level=1)).to_have_text("No such site")


AXE = """
  async () => {
    const { violations, passes } = await axe.run(document);
    return [violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), passes.length];
  }
"""
PAGES = [
    ("/preferences/demo", "en"), ("/preferences/demo", "ja"), ("/notice/demo", "en"), ("/notice/demo", "ja"),
    ("/openapi", "en"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("path", "lang"), PAGES)
def test_axe_finds_nothing(
    browser: Browser, service: LiveService, npm_dir: Path, path: str, scheme: Any, lang: str
) -> None:
    context = browser.new_context(locale=lang, color_scheme=scheme, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(service.url + path)
    if path == "/preferences/demo":  # with a message and with everything that a choice adds
        page.locator("button[value=accept]").click()
        expect(flash(page)).to_be_visible()
    page.evaluate((npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        violations, passed = page.evaluate(AXE)
        assert violations == []
        assert passed > 15
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "the page scrolls sideways"
    context.close()

"""A rights request in a real browser with JavaScript off: from the preferences page to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.live import LiveService


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service of this file's own, where anyone may ask as often as they like."""
    with LiveService(tmp_path_factory.mktemp("requests"), COOKIEGATE_RATE_LIMIT_REQUESTS="1000/minute") as live:
        yield live


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A visitor without JavaScript."""
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_someone_unknown_asks_and_sees_where_it_stands(tab: Page, service: LiveService) -> None:
    tab.goto(service.url + "/preferences/demo?lang=en")
    tab.get_by_role("link", name="Make a request about your data").first.click()
    tab.get_by_label("Show me the data about me").check()
    tab.get_by_label("E-mail address").fill("mori@example.org")
    tab.get_by_label("Where do you live?").select_option("jp")
    tab.get_by_role("button", name="Send the request").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("We have received your request")
    reference, code = tab.locator("code.kept").all_inner_texts()
    tab.goto(f"{service.url}/preferences/demo/request/{reference}?lang=en")
    tab.get_by_label("Code").fill(code.lower())
    tab.get_by_role("button", name="Show").click()
    expect(tab.locator(".status .state")).to_have_text("Received; we check who is asking")
    tab.get_by_role("button", name="Withdraw the request").click()
    expect(tab.locator(".status .state")).to_have_text("Closed")


def test_a_known_visitor_takes_their_data_home_and_has_it_erased(
    tab: Page, service: LiveService, tmp_path: Path
) -> None:
    tab.goto(service.url + "/preferences/demo?lang=en")
    tab.get_by_role("button", name="Accept all", exact=True).click()
    tab.goto(service.url + "/preferences/demo/request?lang=en")
    expect(tab.get_by_text("so we recognise you")).to_be_visible()
    tab.get_by_label("Give me my data in a portable format").check()
    tab.get_by_role("button", name="Send the request").click()
    tab.get_by_role("button", name="See where it stands").click()
    expect(tab.locator(".status .state")).to_have_text("Closed")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download as JSON").click()
    download.value.save_as(tmp_path / "data.json")
    assert '"accept"' in (tmp_path / "data.json").read_text(encoding="utf-8")

    tab.goto(service.url + "/preferences/demo/request?lang=en")
    tab.get_by_label("Erase the data about me").check()
    tab.get_by_role("button", name="Send the request").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("We have received your request")
    assert tab.context.cookies() == []


def test_what_is_wrong_is_named_and_what_was_filled_in_stays(tab: Page, service: LiveService) -> None:
    tab.goto(service.url + "/preferences/demo/request?lang=en")
    tab.get_by_label("Make a complaint").check()
    tab.get_by_label("Name", exact=True).fill("Hana <Mori>")
    tab.get_by_role("button", name="Send the request").click()
    expect(tab.get_by_role("alert")).to_contain_text("Please write what it is about")
    expect(tab.get_by_label("Make a complaint")).to_be_checked()
    expect(tab.get_by_label("Name", exact=True)).to_have_value("Hana <Mori>")
    expect(tab.get_by_label("In your own words")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_form_fits_a_phone_in_both_languages(browser: Browser, service: LiveService, lang: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, locale=lang)
    page = context.new_page()
    page.goto(f"{service.url}/preferences/demo/request?lang={lang}")
    width = page.evaluate("() => document.documentElement.scrollWidth")
    context.close()
    assert width <= 320

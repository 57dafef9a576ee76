"""Receipts with JavaScript off: got after a yes and after a no, kept, brought back, printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.live import LiveService

PREFERENCES = "/preferences/demo?lang=en"
AXE = """
  async () => {
    const { violations, passes } = await axe.run(document);
    return [violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), passes.length];
  }
"""


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who has JavaScript switched off."""
    context = browser.new_context(locale="en-GB", java_script_enabled=False, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def tab(plain: BrowserContext) -> Page:
    """That visitor's tab."""
    return plain.new_page()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def download(page: Page, role: Any, folder: Path) -> Path:
    with page.expect_download() as caught:
        page.get_by_role(role, name="Keep it as a file (JSON)").click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_after_a_yes_the_receipt_is_one_press_away(tab: Page, service: LiveService, tmp_path: Path) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Accept all")
    tab.get_by_role("link", name="Show it, to read or print").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Receipt of your choice")
    expect(tab.locator(".state")).to_have_text("You allowed everything")
    path = download(tab, "link", tmp_path)
    assert path.name.startswith("receipt-demo-")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["record"]["action"] == "accept"


def test_after_a_no_the_receipt_is_there_once_and_the_browser_keeps_nothing(
    tab: Page, service: LiveService, tmp_path: Path
) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Reject all")
    expect(tab.locator(".flash")).to_contain_text("Your refusal has been saved.")
    expect(tab.locator(".offer")).to_contain_text("it can be had only now")
    path = download(tab, "button", tmp_path)
    assert [cookie["name"] for cookie in tab.context.cookies()] == ["cg_choice"]
    press(tab, "Show it, to read or print")
    expect(tab.locator(".state")).to_have_text("You refused")
    expect(tab.get_by_text("None. Nothing that points to you was stored.")).to_be_visible()
    assert [cookie["name"] for cookie in tab.context.cookies()] == ["cg_choice"]

    tab.goto(f"{service.url}/preferences/demo/receipt?lang=en")
    tab.get_by_label("File").set_input_files(path)
    press(tab, "Show the receipt")
    expect(tab.locator(".state")).to_have_text("You refused")


def test_a_pasted_receipt_is_shown_and_a_changed_one_is_not(tab: Page, service: LiveService) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Reject all")
    text = tab.locator("input[name=receipt]").get_attribute("value") or ""
    for pasted, expected in ((text, "You refused"), (text[:-9] + "A" * 9, None)):
        tab.goto(f"{service.url}/preferences/demo/receipt?lang=en")
        tab.get_by_label("Text", exact=True).fill(pasted)
        press(tab, "Show the receipt")
        if expected:
            expect(tab.locator(".state")).to_have_text(expected)
        else:
            expect(tab.get_by_role("alert")).to_contain_text("was changed after it was signed")


def test_a_printed_receipt_fits_two_sheets_and_has_every_fact(tab: Page, service: LiveService) -> None:
    tab.goto(service.url + PREFERENCES)
    press(tab, "Accept all")
    tab.goto(f"{service.url}/preferences/demo/receipt?lang=en")
    sheet = tab.pdf(format="A4", prefer_css_page_size=True)
    assert 1 <= sheet.count(b"/Type /Page\n") <= 2
    tab.emulate_media(media="print")
    for gone in ("Keep it as a file (JSON)", "The signed text"):
        expect(tab.get_by_text(gone)).to_be_hidden()
    for kept in ("Aoba Store Co., Ltd.", "Version 1", "/preferences/demo/request", "https://www.ppc.go.jp/"):
        expect(tab.locator("main")).to_contain_text(kept)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("state", ["granted", "refused", "form"])
def test_axe_finds_nothing_on_the_receipt_pages(
    browser: Browser, service: LiveService, npm_dir: Path, scheme: Any, lang: str, state: str
) -> None:
    context = browser.new_context(locale=lang, color_scheme=scheme, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{service.url}/preferences/demo?lang={lang}")
    if state != "form":
        page.locator(f"button[value={'accept' if state == 'granted' else 'reject'}]").click()
    if state == "refused":
        page.locator(".offer button").first.click()
    else:
        page.goto(f"{service.url}/preferences/demo/receipt?lang={lang}")
    page.evaluate((npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        violations, passed = page.evaluate(AXE)
        assert violations == []
        assert passed > 10
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "the page scrolls sideways"
    context.close()

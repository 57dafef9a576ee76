"""The visitor's own record and the notice's history, in a browser without JavaScript."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.live import LiveService
from support.policies import demo_yaml

AXE = """
  async () => {
    const { violations, passes } = await axe.run(document);
    return [violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), passes.length];
  }
"""
RECORD = "/preferences/demo/record?lang=en"


def wider(policy: str) -> str:
    """The demo policy that keeps advertising data longer."""
    return policy.replace("retention_days: 180", "retention_days: 200")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service whose policy has had two versions."""
    with LiveService(tmp_path_factory.mktemp("record")) as live:
        newer = live.folder / "newer.yaml"
        newer.write_text(demo_yaml(live.host.url, wider), encoding="utf-8")
        command = [sys.executable, "-m", "cookiegate.cli.main", "policy", "publish", str(newer)]
        done = subprocess.run([*command, "--data-dir", str(live.folder / "data")], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        live.stop()  # a start sees it at once
        live.process.policies = ()
        live.start()
        yield live


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who has JavaScript switched off."""
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    yield context
    context.close()


@pytest.fixture
def tab(plain: BrowserContext, site: LiveService) -> Page:
    """That visitor's tab, after allowing everything."""
    page = plain.new_page()
    page.goto(f"{site.url}/preferences/demo?lang=en")
    page.locator("button[value=accept]").click()
    return page


def press(page: Page, name: str) -> None:
    """Presses a button."""
    page.get_by_role("button", name=name, exact=True).click()


def cookies(page: Page) -> set[str]:
    """The names of what the browser keeps."""
    return {cookie["name"] for cookie in page.context.cookies()}


def receipt_of(page: Page, site: LiveService) -> str:
    """The receipt file of the choice that holds."""
    return page.context.request.get(f"{site.url}/preferences/demo/receipt.json").text()


def collect(page: Page, site: LiveService) -> None:
    """An event under the visitor's consent."""
    (token,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "cg_token"]
    body = json.dumps({"event": "view", "page": "/bowls", "consent_token": token}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{site.url}/collect/plain/events", body, headers)).close()


def test_s19_a_visitor_sees_downloads_restricts_and_erases_without_javascript(tab: Page, site: LiveService) -> None:
    collect(tab, site)
    tab.get_by_role("link", name="See what is recorded about you").first.click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("What is recorded about you")
    expect(tab.locator(".timeline > li")).to_have_count(1)
    expect(tab.get_by_role("row", name="plain")).to_be_visible()
    with tab.expect_download() as download:
        press(tab, "Download as JSON")
    document = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert document["events"][0]["event"]["page"] == "/bowls"
    with tab.expect_download() as download:
        press(tab, "Download as a table (CSV)")
    assert download.value.suggested_filename.endswith(".csv")
    press(tab, "Restrict the use")
    expect(tab.locator(".state")).to_have_text("The use of your data is restricted")
    press(tab, "Lift the restriction")
    expect(tab.locator(".state")).to_have_text("You have allowed everything")
    press(tab, "Erase everything …")
    press(tab, "Back, erase nothing")
    expect(tab.locator(".timeline > li").first).to_be_visible()
    press(tab, "Erase everything …")
    press(tab, "Erase for good")
    expect(tab.get_by_role("heading", level=1)).to_have_text("It is erased")
    assert cookies(tab) == set()
    tab.reload()
    expect(tab.get_by_role("heading", level=1)).to_have_text("It is erased")
    tab.get_by_role("link", name="See or change your choice").click()
    expect(tab.locator(".state")).to_have_text("Not chosen yet")


def test_a_receipt_file_opens_the_record_in_another_browser_that_keeps_nothing(
    browser: Browser, tab: Page, site: LiveService, tmp_path: Path
) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(receipt_of(tab, site), encoding="utf-8")
    context = browser.new_context(locale="en-GB", java_script_enabled=False)
    other = context.new_page()
    other.goto(site.url + RECORD)
    other.get_by_label("The receipt as a file").set_input_files(file)
    press(other, "Open my record")
    expect(other.locator(".timeline > li")).to_have_count(1)
    with other.expect_download() as download:
        press(other, "Download as JSON")
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["decisions"]
    press(other, "Receipt of your choice")
    expect(other.get_by_role("heading", level=1)).to_have_text("Receipt of your choice")
    press(other, "Everything that is recorded about you")
    press(other, "Restrict the use")
    expect(other.locator(".flash")).to_contain_text("The use of your data is restricted now.")
    press(other, "Erase everything …")
    press(other, "Erase for good")
    expect(other.get_by_role("heading", level=1)).to_have_text("It is erased")
    assert cookies(other) == set()
    other.goto(site.url + RECORD)
    other.get_by_label("The receipt as a file").set_input_files(file)
    press(other, "Open my record")
    expect(other.get_by_role("heading", level=1)).to_have_text("Nothing is left")
    context.close()


def test_s31_a_visitor_walks_through_the_notice_s_history(tab: Page, site: LiveService) -> None:
    tab.goto(f"{site.url}/notice/demo?lang=en")
    expect(tab.locator("section", has=tab.locator("#changes"))).to_contain_text("Nothing has changed since then.")
    tab.get_by_role("link", name="Version 1", exact=True).click()
    expect(tab.locator(".callout.outdated")).to_contain_text("This is an earlier version of the notice.")
    expect(tab.locator("main")).to_contain_text("180 days")
    tab.get_by_role("navigation").get_by_role("link", name="日本語").click()
    expect(tab.locator(".callout.outdated")).to_contain_text("これは過去の通知です。")
    tab.get_by_role("link", name="変更点を見る").first.click()
    expect(tab.locator(".told")).to_contain_text("180日から200日に延びました。")


def test_the_page_can_be_worked_with_the_keyboard_in_the_order_in_which_it_is_read(
    tab: Page, site: LiveService
) -> None:
    tab.goto(site.url + RECORD)
    reached = []
    for _ in range(40):
        tab.keyboard.press("Tab")
        place = tab.evaluate("() => { const { y, x } = document.activeElement.getBoundingClientRect(); return "
                             "[document.activeElement.textContent.trim(), y + scrollY, x] }")  # fmt: skip
        if reached and place[0] == reached[0][0]:
            break
        reached.append(place)
    names = [name for name, _, _ in reached]
    for name in ("Download as JSON", "Restrict the use", "Erase everything …", "Change your choice"):
        assert name in names
    below = [(round(y), round(x)) for _, y, x in reached if y > 60]
    assert below == sorted(below)


PAGES = ["record", "held", "find", "bad", "receipt", "erase", "erased", "notice", "old", "changes"]


def submit(page: Page, button: str) -> None:
    """Presses a button and waits for the page that answers."""
    with page.expect_navigation():
        page.locator(button).click()


def go(page: Page, site: LiveService, name: str, lang: str) -> None:
    """Opens one of the pages."""
    query = f"?lang={lang}"
    paths = {"notice": f"/notice/demo{query}", "old": f"/notice/demo{query}&version=1",
             "changes": f"/notice/demo/changes{query}"}  # fmt: skip
    if name in paths:
        page.goto(site.url + paths[name])
        return
    receipt = receipt_of(page, site)
    if name in ("find", "bad", "receipt"):
        page.context.clear_cookies()
    page.goto(f"{site.url}/preferences/demo/record{query}")
    if name in ("bad", "receipt"):
        page.locator("textarea").fill(receipt if name == "receipt" else "bad")
        submit(page, "button[value=find]")
    if name == "held":
        submit(page, "button[value=restrict]")
    if name in ("erase", "erased"):
        submit(page, "button[value=ask-erase]")
    if name == "erased":
        submit(page, "button[value=erase]")


@pytest.mark.parametrize(("scheme", "lang"), [("light", "ja"), ("dark", "en")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Browser, site: LiveService, npm_dir: Path, name: str, scheme: Any, lang: str
) -> None:
    context = browser.new_context(locale=lang, color_scheme=scheme, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{site.url}/preferences/demo?lang={lang}")
    submit(page, "button[value=accept]")
    collect(page, site)
    go(page, site, name, lang)
    page.evaluate((npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        violations, passed = page.evaluate(AXE)
        assert violations == []
        assert passed > 10
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "the page scrolls sideways"
    context.close()

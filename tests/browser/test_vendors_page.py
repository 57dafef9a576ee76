"""The page of the vendors as a visitor meets it: found from the preferences, readable everywhere, without a mouse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.frameworks import VENDOR_LIST, built_frameworks
from support.live import LiveService
from support.policies import demo_yaml

POLICY = """
tcf:
  cmp_id: 300
  cmp_version: 2
  purposes: {analytics: [1, 8, 9], advertising: [1, 2, 3, 7]}
  special_features: {advertising: [1]}
"""
#: Names and addresses that stay in one piece wherever they may.
LONG = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 2
AXE_RUN = """async () => (await axe.run({ rules: { "target-size": { enabled: true } } })).violations.map(
  (fault) => [fault.id, fault.impact, fault.nodes.map((node) => node.html)])"""
IS_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def long_list() -> dict[str, Any]:
    """The invented list, with everything that a vendor can declare, at its longest."""
    listed: dict[str, Any] = json.loads(VENDOR_LIST.read_text(encoding="utf-8"))
    listed["purposes"]["1"] |= {"name": f"{LONG} name", "description": LONG, "illustrations": [LONG, "Another."]}
    listed["vendors"]["7"] |= {
        "name": LONG, "features": [1, 2, 3], "dataDeclaration": [1], "cookieRefresh": True, "usesNonCookieAccess": True,
        "urls": [{"langId": "en", "privacy": f"https://{LONG}.example/{LONG}"}],
        "dataRetention": {"stdRetention": 397, "purposes": {"2": 30}, "specialPurposes": {"1": 365}},
    }  # fmt: skip
    return listed


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The demo with TCF, and a list at its longest."""
    built_frameworks()
    folder: Path = tmp_path_factory.mktemp("vendors")
    (folder / "list.json").write_text(json.dumps(long_list()), encoding="utf-8")
    live = LiveService(folder, COOKIEGATE_VENDOR_LIST=str(folder / "list.json"))
    (folder / "demo.yaml").write_text(demo_yaml(live.host.url, lambda text: text + POLICY), encoding="utf-8")
    with live:
        yield live


@pytest.mark.parametrize(
    ("lang", "width", "told"),
    [
        ("en", 1280, {"color_scheme": "light"}),
        ("ja", 1280, {"color_scheme": "dark"}),
        ("ja", 320, {"color_scheme": "light"}),
        ("en", 320, {"color_scheme": "dark"}),
        ("en", 320, {"forced_colors": "active"}),
    ],
)
def test_axe_finds_nothing_and_nothing_is_scrolled_sideways(
    browser: Browser, service: LiveService, npm_dir: Path, lang: str, width: int, told: dict[str, Any]
) -> None:
    axe = (npm_dir / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, **told)
    page = context.new_page()
    for path in ("/notice/demo/vendors", "/notice/demo", "/preferences/demo"):
        page.goto(f"{service.url}{path}?lang={lang}")
        for is_open in (False, True):
            page.locator("details").evaluate_all(f"(all) => all.forEach((one) => (one.open = {json.dumps(is_open)}))")
            page.evaluate(axe)
            assert (path, is_open, page.evaluate(AXE_RUN)) == (path, is_open, [])
            assert not page.evaluate(IS_WIDE)
    context.close()


def test_a_visitor_comes_to_the_vendors_and_back_with_the_keyboard_alone(page: Page, service: LiveService) -> None:
    page.goto(f"{service.url}/preferences/demo?lang=en")
    page.get_by_role("link", name="Advertising vendors").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Advertising vendors")
    vendor = page.locator("summary", has_text="Counter Works")
    declared = page.get_by_role("link", name="https://vendor-3.example/privacy")
    expect(declared).to_be_hidden()
    vendor.focus()
    page.keyboard.press("Enter")
    expect(declared).to_be_visible()
    assert declared.get_attribute("rel") == "noopener noreferrer"
    page.get_by_role("link", name="日本語").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("広告事業者")
    expect(page.locator("summary", has_text="Counter Works")).to_be_visible()
    expect(page.get_by_role("heading", name="Invented purpose 2").locator("[lang=en]")).to_have_text(
        "Invented purpose 2"
    )
    page.locator("footer a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/preferences/demo?lang=ja")

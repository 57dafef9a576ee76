"""What Playwright turns off in Chromium stays off where the tests turn off more."""

from __future__ import annotations

import re

from playwright.sync_api import Page
from support.browsers import AROUND


def test_of_two_lists_the_last_one_counts_so_it_holds_playwright_s(page: Page) -> None:
    page.goto("chrome://version")
    lists = re.findall(r"--disable-features=(\S+)", page.locator("#command_line").inner_text())
    of_playwright, counts = (set(names.split(",")) for names in lists)
    assert counts == of_playwright | set(AROUND)

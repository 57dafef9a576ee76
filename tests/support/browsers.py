"""Debian's Chromium, one for all tests of a process: Playwright cannot be started twice in one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
#: Parts of the window around a page, which no test sees: the address bar's popups are two pages of their own for every
#: window, in processes of their own, and the spare process waits for a next site. Together half of what a page costs.
AROUND = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
#: Playwright's own list, because of two lists the last one counts; ``test_browser_features.py`` compares them.
OF_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin", "OptimizationHints", "NetworkTimeServiceQuerying",
    "AimEnabled", "PreconnectToSearch", "msForceBrowserSignIn", "msEdgeUpdateLaunchServicesPreferredVersion",
)  # fmt: skip
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join((*OF_PLAYWRIGHT, *AROUND))}",
]  # fmt: skip
#: As long as Playwright waits for all else: a busy machine may take it.
EXPECT_MS = 30_000


@contextmanager
def browser_where(hosts: str, port: int, browser: Browser) -> Iterator[Browser]:
    """Another such browser, for which all hosts of a pattern, such as ``*.example.jp``, are a port of this machine."""
    rule = f"--host-resolver-rules=MAP {hosts} 127.0.0.1:{port}"
    started = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, rule])
    yield started
    started.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()

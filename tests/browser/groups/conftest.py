"""Two sites of one group, on hosts of their own beneath one registrable domain, with one service on a third."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext
from support.browsers import browser_where
from support.groups import DOMAIN, NAMES, SERVICE, policy
from support.live import LiveService
from support.visits import shop


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder: Path = tmp_path_factory.mktemp("group")
    live = LiveService(folder, COOKIEGATE_BASE_URL=SERVICE, COOKIEGATE_SECURE_COOKIES="0")
    (folder / "demo.yaml").write_text(policy("demo", "blog"), encoding="utf-8")
    (folder / "blog.yaml").write_text(policy("blog", "demo"), encoding="utf-8")
    live.process.policies += (folder / "blog.yaml",)
    with live:
        for site in NAMES:
            live.page(shop(script=f'<script async src="{SERVICE}/w/{site}.en.js"></script>'), f"/{site}.html")
        live.page(shop(script=f'<script async src="{SERVICE}/w/blog.headless.en.js"></script>'), "/headless.html")
        yield live


@pytest.fixture(scope="module")
def named_browser(browser: Browser, service: LiveService) -> Iterator[Browser]:
    """A browser for which every host of the domain is this machine."""
    with browser_where(f"*.{DOMAIN}", service.host.port, browser) as named:
        yield named


@pytest.fixture
def named_context(named_browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visitor of both sites."""
    context = named_browser.new_context(locale="en-GB")
    yield context
    context.close()

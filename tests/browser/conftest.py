"""A real browser before a real service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from support.live import LiveService


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """One service for the whole run; tests use ``service``."""
    with LiveService(tmp_path_factory.mktemp("service")) as live:
        yield live


@pytest.fixture
def service(running_service: LiveService) -> Iterator[LiveService]:
    """The running service, whole again after each test."""
    yield running_service
    running_service.slow(0)
    running_service.cut(False)
    if running_service.host.backend_port is None:
        running_service.start()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[LiveService]:
    """A service of this test's own, with an empty record."""
    with LiveService(tmp_path) as live:
        yield live


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visitor whose browser speaks English."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A fresh visitor's tab."""
    return context.new_page()

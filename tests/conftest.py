"""Fixtures for every room's tests."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from support.browsers import browser
from support.npm import install
from support.order import longest_first
from support.postgres import is_asked_for, redirect_records
from support.redis_plugin import pytest_configure

__all__ = ["browser", "pytest_configure"]

if is_asked_for():
    redirect_records()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays: looking through it for garbage again and again took a fifth of the tests' time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    longest_first(items)


_NPM = Path(__file__).parent / "npm"


@pytest.fixture(scope="session")
def npm_dir() -> Path:
    """``tests/npm``, with the locked npm packages (real trackers, jose) in its ignored ``node_modules``."""
    return install(_NPM)


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """Logs that a test sent to its own captured stream go there no more."""
    yield
    structlog.reset_defaults()

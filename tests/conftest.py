"""Fixtures for every room's tests."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from support.browsers import browser
from support.postgres import is_asked_for, redirect_records
from support.redis_plugin import pytest_configure

__all__ = ["browser", "pytest_configure"]

if is_asked_for():
    redirect_records()

_NPM = Path(__file__).parent / "npm"


@pytest.fixture(scope="session")
def npm_dir() -> Path:
    """``tests/npm``, with the locked npm packages (real trackers, jose) in its ignored ``node_modules``."""
    installed = _NPM / "node_modules" / ".package-lock.json"
    with (_NPM / ".installing").open("w") as lock:  # one of the processes that share the tests installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < (_NPM / "package-lock.json").stat().st_mtime:
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=_NPM, capture_output=True, text=True, timeout=170, check=False)
            assert done.returncode == 0, f"npm ci failed:\n{done.stderr}"
    return _NPM


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """Logs that a test sent to its own captured stream go there no more."""
    yield
    structlog.reset_defaults()

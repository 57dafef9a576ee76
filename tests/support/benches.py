"""Fixtures: a service per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.service import Bench, Visitor, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service, with room for many requests."""
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="100000/minute", RATE_LIMIT_TOKENS="100000/minute")
    yield bench
    bench.service.close()


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone new on the demo site."""
    return bench.visitor()

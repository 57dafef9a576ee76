"""One service with every example policy; a fresh one where a test changes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Bench, Visitor, make_bench

from receipts.material import example_policies

ROOM = {"RATE_LIMIT_WRITES": "100000/minute", "RATE_LIMIT_TOKENS": "100000/minute"}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A service with the six example policies."""
    bench = make_bench(tmp_path_factory.mktemp("examples"), policies=example_policies(), **ROOM)
    yield bench
    bench.service.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service."""
    bench = make_bench(tmp_path, **ROOM)
    yield bench
    bench.service.close()


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone new on the demo site."""
    return bench.visitor()

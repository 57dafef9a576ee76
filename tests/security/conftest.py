"""A service per test, and people of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Bench, Visitor, make_bench

from security.people import ROOM, TWO_SITES


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A service of two sites, with room for many requests."""
    bench = make_bench(tmp_path, policies=TWO_SITES, **ROOM)
    yield bench
    bench.service.close()


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    """Someone new on the demo site."""
    return bench.visitor()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The same for a whole module whose tests leave one another alone."""
    bench = make_bench(tmp_path_factory.mktemp("world"), policies=TWO_SITES, **ROOM)
    yield bench
    bench.service.close()

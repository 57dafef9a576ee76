"""A service with an address of its own, and evidence out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.service import Bench, make_bench

from evidence.material import BASE_URL, decide, faults, gather


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A service with an address of its own."""
    bench = make_bench(tmp_path, BASE_URL=BASE_URL)
    yield bench
    bench.service.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Evidence out of a ledger of some size."""
    bench = make_bench(tmp_path_factory.mktemp("whole"), BASE_URL=BASE_URL, RATE_LIMIT_WRITES="100000/minute")
    wanted = decide(bench)["decision"]["id"]
    for _ in range(6):
        decide(bench, "reject")
    evidence = gather(bench, wanted)
    bench.service.close()
    assert faults(evidence) == []
    return evidence

"""A record with a ledger per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.ledger import LedgerBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LedgerBench]:
    bench = LedgerBench(tmp_path)
    yield bench
    bench.close()

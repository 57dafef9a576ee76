"""A real record on disk and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.templates import lay_record

from cookiegate.clock import FrozenClock
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that moves when told."""
    return FrozenClock()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """An empty record in SQLite."""
    record = open_storage(lay_record(Settings(data_dir=tmp_path)))
    yield record
    record.close()

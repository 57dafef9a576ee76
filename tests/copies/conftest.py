"""Fixtures: each engine, and what a backup is restored on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import fresh_database

from copies.material import Kept, NewDatabase


def on_sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'cookiegate.db'}"


def on_postgres(folder: Path) -> str:
    return fresh_database()


ENGINES = {"sqlite": on_sqlite, "postgresql": on_postgres}


@pytest.fixture(params=sorted(ENGINES))
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Of the engine that the record is kept on."""
    return ENGINES[request.param]


@pytest.fixture(params=sorted(ENGINES))
def other_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Of the engine that it is restored on."""
    return ENGINES[request.param]


@pytest.fixture
def kept(tmp_path: Path, new_database: NewDatabase) -> Iterator[Kept]:
    """A record on each engine."""
    kept = Kept(tmp_path, new_database)
    yield kept
    kept.close()


@pytest.fixture
def kept_in_a_file(tmp_path: Path) -> Iterator[Kept]:
    """A record on SQLite."""
    kept = Kept(tmp_path, on_sqlite)
    yield kept
    kept.close()

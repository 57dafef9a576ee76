"""The fault table: a name, where it applies, and what plays it. ``faults.scenes`` fills it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.stage import Outcome, Stage

SQLITE, POSTGRESQL = "sqlite", "postgresql"
Play = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. ``fault`` is the table's own line, ``engines`` where it can happen, ``everyday`` whether ``make test``
    plays its short form."""

    name: str
    fault: str
    play: Play
    engines: tuple[str, ...]
    everyday: bool


ROWS: dict[str, Row] = {}


def row(
    name: str, fault: str, *, engines: tuple[str, ...] = (SQLITE,), everyday: bool = True
) -> Callable[[Play], Play]:
    """Enters a scene into the table."""

    def enter(play: Play) -> Play:
        ROWS[name] = Row(name, fault, play, engines, everyday)
        return play

    return enter


def play(found: Row, engine: str, folder: Path, *, full: bool) -> Outcome:
    """Plays one row and returns its line; what was not foreseen is a problem of that row."""
    with record_of(engine) as env:
        stage = Stage(found.name, engine, folder, full=full, env=env)
        try:
            found.play(stage)
        except Exception as error:  # the other rows are still to be played
            stage.checked.problems.append(f"{type(error).__name__}: {str(error)[-600:]}")
        finally:
            stage.close()
        return stage.outcome()


def everyday(*scenes: str) -> list[Row]:
    """The rows of some scenes that ``make test`` plays, each in its short form and on its first engine."""
    return [found for found in ROWS.values() if found.everyday and found.play.__module__.rpartition(".")[2] in scenes]


@contextmanager
def record_of(engine: str) -> Iterator[dict[str, str]]:
    """The variables that put a service's record into a fresh database of an engine."""
    if engine == SQLITE:
        yield {}
        return
    from support.postgres import fresh_database

    yield {"COOKIEGATE_DATABASE_URL": fresh_database()}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one row."""
    with tempfile.TemporaryDirectory(prefix="cookiegate-faults-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)

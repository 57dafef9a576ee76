"""Which schemas there are, and which one a record has: what a start has to know before it loads what migrates."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


@cache
def revisions(*more: Path) -> tuple[str, ...]:
    """Every schema that this version of the program can bring up to date, the newest last.

    A migration's file is named by its revision: ``0001_first_record.py``.

    Args:
        more: folders of further migrations, for tests.
    """
    folders = (MIGRATIONS / "versions", *more)
    return tuple(path.stem.partition("_")[0] for folder in folders for path in sorted(folder.glob("*.py")))


def newest_revision() -> str:
    """The schema of this version of the program."""
    return revisions()[-1]


def revision_of(connection: Connection) -> str | None:
    """The schema of a record; None where there is none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found

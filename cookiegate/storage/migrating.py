"""Brings a database to this program's schema. Migrations only go forward, and one process at a time runs them.

A program may find a schema that is newer than its own, while a newer program is being brought in or after it was taken
back. It works on that if every migration it does not know declares ``side_by_side = True``: nothing that the older
program reads or writes was renamed, removed or made stricter. Such a migration adds tables, columns that may be null or
have a default, and indices. Whatever is to go is first left unused by one release, and goes with the next.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cookiegate.errors import SettingsError
from cookiegate.storage.revisions import revision_of, revisions
from cookiegate.storage.tables_schema import schema_changes

#: How long a start waits for another that migrates.
PATIENCE_S = 60.0
MIGRATES_ELSEWHERE = (
    f"another process has been working on the record for {PATIENCE_S:.0f} seconds, so that it cannot be migrated: "
    "see whether it migrates or hangs, then start this one again"
)


def migrate(connection: Connection, *more: Path) -> None:
    """Applies every missing migration, inside the transaction and the lock that the caller holds.

    Args:
        connection: to the record.
        more: folders of further migrations, for tests.

    Raises:
        SettingsError: the record was migrated by a newer program, and this one cannot work on it.
    """
    if not is_settled(connection, *more):
        import_module("cookiegate.storage.upgrading").upgrade(connection, *more)


def is_settled(connection: Connection, *more: Path) -> bool:
    """Whether there is nothing to migrate: the record's schema is this program's, or a newer one that it can work on.

    Raises:
        SettingsError: as :func:`migrate`.
    """
    current, known = revision_of(connection), revisions(*more)
    if current is None or current in known:
        return current == known[-1]
    _refuse_unfit(connection, current, known)
    return True


def _refuse_unfit(connection: Connection, revision: str, known: tuple[str, ...]) -> None:
    rows = connection.execute(sa.select(schema_changes)).all()
    newer = {row.revision: row.side_by_side for row in rows if row.revision not in known}
    if revision not in newer or not all(newer.values()):
        raise SettingsError(
            f"the record was brought to schema {revision} by a newer version of cookiegate, and this version cannot "
            "work on it: install that version, or restore the backup from before the upgrade"
        )

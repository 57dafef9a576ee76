"""Brings a database to this program's schema. Migrations only go forward, and one process at a time runs them.

A program may find a schema that is newer than its own, while a newer program is being brought in or after it was taken
back. It works on that if every migration it does not know declares ``side_by_side = True``: nothing that the older
program reads or writes was renamed, removed or made stricter. Such a migration adds tables, columns that may be null or
have a default, and indices. Whatever is to go is first left unused by one release, and goes with the next.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from cookiegate.errors import SettingsError
from cookiegate.storage.tables_schema import schema_changes

MIGRATIONS = Path(__file__).with_name("migrations")
#: How long a start waits for another that migrates.
PATIENCE_S = 60.0
MIGRATES_ELSEWHERE = (
    f"another process has been working on the record for {PATIENCE_S:.0f} seconds, so that it cannot be migrated: "
    "see whether it migrates or hangs, then start this one again"
)
_one_at_a_time = threading.Lock()  # Alembic's context belongs to the whole process


def migrate(connection: Connection, *more: Path) -> None:
    """Applies every missing migration, inside the transaction and the lock that the caller holds.

    Args:
        connection: to the record.
        more: folders of further migrations, for tests.

    Raises:
        SettingsError: the record was migrated by a newer program, and this one cannot work on it.
    """
    if is_settled(connection, *more):
        return
    config = _scripts(more)[0]
    with _one_at_a_time:
        config.attributes["connection"] = connection
        config.attributes["on_version_apply"] = (_note_change,)
        command.upgrade(config, "head")


def is_settled(connection: Connection, *more: Path) -> bool:
    """Whether there is nothing to migrate: the record's schema is this program's, or a newer one that it can work on.

    Raises:
        SettingsError: as :func:`migrate`.
    """
    scripts = _scripts(more)[1]
    current = _current(connection)
    if current is None or current == scripts.get_current_head():
        return current is not None
    known = {script.revision for script in scripts.walk_revisions()}
    if current in known:
        return False
    _refuse_unfit(connection, current, known)
    return True


@cache
def _scripts(more: tuple[Path, ...]) -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, (MIGRATIONS / "versions", *more))))
    return config, ScriptDirectory.from_config(config)


def _current(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _refuse_unfit(connection: Connection, revision: str, known: set[str]) -> None:
    rows = connection.execute(sa.select(schema_changes)).all()
    newer = {row.revision: row.side_by_side for row in rows if row.revision not in known}
    if revision not in newer or not all(newer.values()):
        raise SettingsError(
            f"the record was brought to schema {revision} by a newer version of cookiegate, and this version cannot "
            "work on it: install that version, or restore the backup from before the upgrade"
        )


def _note_change(ctx: Any, step: Any, **_: object) -> None:
    """Writes down what a migration says of itself, in its own transaction."""
    module = step.up_revision.module
    side_by_side = getattr(module, "side_by_side", None)
    if side_by_side is not None:  # those before 0009 say nothing
        ctx.connection.execute(
            sa.insert(schema_changes).values(revision=step.up_revision_id, side_by_side=side_by_side)
        )

"""Runs the migrations that a record lacks. Loaded where there are any: it is a tenth of what a start loads."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from cookiegate.storage.revisions import MIGRATIONS
from cookiegate.storage.tables_schema import schema_changes

_one_at_a_time = threading.Lock()  # Alembic's context belongs to the whole process


def upgrade(connection: Connection, *more: Path) -> None:
    """Applies every missing migration, inside the transaction and the lock that the caller holds.

    Args:
        connection: to the record.
        more: folders of further migrations, for tests.
    """
    config = _config(more)
    with _one_at_a_time:
        config.attributes["connection"] = connection
        config.attributes["on_version_apply"] = (_note_change,)
        command.upgrade(config, "head")


@cache
def _config(more: tuple[Path, ...]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, (MIGRATIONS / "versions", *more))))
    return config


def _note_change(ctx: Any, step: Any, **_: object) -> None:
    """Writes down what a migration says of itself, in its own transaction."""
    module = step.up_revision.module
    side_by_side = getattr(module, "side_by_side", None)
    if side_by_side is not None:  # those before 0009 say nothing
        ctx.connection.execute(
            sa.insert(schema_changes).values(revision=step.up_revision_id, side_by_side=side_by_side)
        )

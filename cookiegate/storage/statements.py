"""SQLAlchemy Core statements on a raw driver connection, so that they can share a group's transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from cookiegate.storage.contract import Record

_SQLITE = sqlite.dialect(paramstyle="qmark")


def run_statement(connection: Any, statement: sa.Executable) -> list[Record]:
    """Runs one statement on a SQLite connection.

    Args:
        connection: a DB-API connection; its transaction is left as it is.
        statement: on columns of integers, texts and bytes, with every value given.

    Returns:
        The rows by column name; empty for a statement that gives none.
    """
    compiled = statement.compile(dialect=_SQLITE, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    values = tuple(compiled.params[name] for name in compiled.positiontup or ())
    cursor = connection.execute(compiled.string, values)
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

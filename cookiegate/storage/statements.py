"""SQLAlchemy Core statements on a raw driver connection, so that they can share a group's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from cookiegate.storage.contract import Record

#: Compiled statements that are remembered; the house has about a hundred.
REMEMBERED_MAX = 1_000


class Prepared(NamedTuple):
    """A statement as a driver takes it: its text, its values by name, the order of the names, if it gives rows."""

    text: str
    values: Mapping[str, Any]
    order: tuple[str, ...]
    gives_rows: bool


class Compiler:
    """Turns statements into text, each form of one once: compiling costs ten to thirty times what remembering does.

    Args:
        dialect: of the engine.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._remembered: dict[Any, SQLCompiler] = {}

    def prepare(self, statement: sa.Executable) -> Prepared:
        """One statement with its values.

        Args:
            statement: on columns of integers, texts and bytes, with every value given.
        """
        # SQLAlchemy's own example of a result cache rests on this key, which its public interface does not reach.
        key = statement._generate_cache_key()  # type: ignore[attr-defined]
        compiled = self._remembered.get(key.key) if key else None
        if compiled is None:
            compiled = statement.compile(dialect=self._dialect, cache_key=key)  # type: ignore[attr-defined]
            if key:
                self._remember(key.key, compiled)
        values = {}
        if key and compiled.cache_key:  # the values of the first statement of this form are replaced by this one's
            pairs = zip(compiled.cache_key.bindparams, key.bindparams, strict=True)
            values = {first.key: mine.value for first, mine in pairs}
        state = compiled.construct_expanded_state(values)
        gives_rows = isinstance(statement, sa.SelectBase) or bool(compiled.effective_returning)
        return Prepared(state.statement, state.parameters, tuple(state.positiontup or ()), gives_rows)

    def _remember(self, key: Any, compiled: SQLCompiler) -> None:
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[key] = compiled


_SQLITE = Compiler(sqlite.dialect(paramstyle="qmark"))


def run_statement(connection: Any, statement: sa.Executable) -> list[Record]:
    """Runs one statement on a SQLite connection.

    Args:
        connection: a DB-API connection; its transaction is left as it is.
        statement: on columns of integers, texts and bytes, with every value given.

    Returns:
        The rows by column name; empty for a statement that gives none.
    """
    prepared = _SQLITE.prepare(statement)
    cursor = connection.execute(prepared.text, tuple(prepared.values[name] for name in prepared.order))
    return read_rows(cursor) if cursor.description is not None else []


def read_rows(cursor: Any) -> list[Record]:
    """What a driver's cursor found, by column name."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

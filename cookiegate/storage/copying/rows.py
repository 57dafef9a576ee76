"""Copying a record row by row between any two engines, through SQLAlchemy's one description of its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from cookiegate.errors import StorageError
from cookiegate.settings import Settings
from cookiegate.storage.copying.embedded import file_engine, reason_of
from cookiegate.storage.places import database_file, record_uri
from cookiegate.storage.tables_all import metadata

ROWS_AT_ONCE = 1_000
#: What makes a record one: whoever has none of these has nothing to lose.
KEPT = ("policies", "decisions", "entries", "checkpoints", "erased_keys", "requests", "officers")
#: Who leads is a matter of the running processes and of their clock; it is not copied.
NOT_COPIED = ("leases",)
ERASED_LISTS = ("erased_keys", "erasures", "shreds")
Advance = Callable[[int], object]


def record_engine(settings: Settings) -> Engine:
    """SQLAlchemy on a record as it is, without migrating it; on PostgreSQL every transaction sees one moment.

    Raises:
        SettingsError: the URI is unusable.
    """
    file = database_file(settings)
    if file is not None:
        return file_engine(file, writable=True)
    from cookiegate.storage.postgres_lines import read_uri  # noqa: PLC0415  its driver is an extra

    return sa.create_engine(
        "postgresql+psycopg://",
        creator=partial(_connect, read_uri(record_uri(settings))),
        poolclass=NullPool,
        isolation_level="REPEATABLE READ",
    )


def _connect(line: str) -> Any:
    import psycopg  # noqa: PLC0415  the driver is an extra
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        return psycopg.connect(line)
    except psycopg.OperationalError as error:
        where = conninfo_to_dict(line)
        raise StorageError(  # the driver's sentence names host and user, never a password
            f"the database {where['dbname']} at {where.get('host', 'this machine')} cannot be reached "
            f"({reason_of(error)}): is it running, and are user and password in its URL right?",
            cause=type(error).__name__,
        ) from error


@contextmanager
def opened(settings: Settings) -> Iterator[Connection]:
    """A connection to a record as it is, without migrating it.

    Raises:
        SettingsError: the URI is unusable.
        StorageError: the database cannot be reached, or fails.
    """
    with told_plainly(settings), record_engine(settings).connect() as connection:
        yield connection


@contextmanager
def told_plainly(settings: Settings) -> Iterator[None]:
    """A block in which a failing database ends in a sentence.

    Raises:
        StorageError: naming the database, and why in its own words.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        file = database_file(settings)
        name = "the database" if file is None else str(file)
        reason = reason_of(error, None if file is None else file.parent)
        raise StorageError(f"{name} cannot be used ({reason})", cause=type(error.orig).__name__) from error


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in metadata.sorted_tables
        if table.name not in NOT_COPIED
    }


def is_empty(connection: Connection) -> bool:
    """Whether a record holds nothing that could be lost."""
    present = set(sa.inspect(connection).get_table_names())
    tables = (metadata.tables[name] for name in KEPT if name in present)
    return not any(connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() for table in tables)


def newest_key(connection: Connection) -> int:
    """The highest subject key that a record names anywhere; 0 for none."""
    keyed = [table for table in metadata.tables.values() if "key_id" in table.c and table.name not in ERASED_LISTS]
    return max(connection.scalar(sa.select(sa.func.max(table.c.key_id))) or 0 for table in keyed)


def copy_rows(source: Connection, target: Connection, advance: Advance = lambda count: None) -> None:
    """Copies every row of one record into another, of the same schema, inside the transactions of both.

    What the migrations put into the target is replaced.

    Args:
        source: read only; on PostgreSQL it must see one moment throughout.
        target: of an empty record.
        advance: told how many rows more were copied.
    """
    tables = [table for table in metadata.sorted_tables if table.name not in NOT_COPIED]
    for table in reversed(tables):
        if target.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            target.execute(sa.delete(table))
    for table in tables:
        found = source.execute(sa.select(table), execution_options={"yield_per": ROWS_AT_ONCE})
        for part in found.mappings().partitions(ROWS_AT_ONCE):
            target.execute(sa.insert(table), [dict(row) for row in part])
            advance(len(part))
    set_sequences(target, read_sequences(source))


def read_sequences(connection: Connection) -> dict[str, int]:
    """Tables that count their rows by themselves, and the highest number that each ever gave.

    Outsiders follow some of these numbers, so that one must not come back after its row was deleted.
    """
    numbers: dict[str, int] = {}
    for table, column in _counted():
        found = connection.scalar(sa.select(sa.func.max(column))) or 0
        numbers[table.name] = max(found, _given(connection, table, column))
    return numbers


def set_sequences(connection: Connection, numbers: Mapping[str, int]) -> None:
    """Makes each table go on above these numbers, where its engine keeps such a number."""
    is_sqlite = connection.dialect.name == "sqlite"
    for table, column in _counted():
        number = numbers.get(table.name, 0)
        if not is_sqlite:
            place = sa.cast(sa.func.pg_get_serial_sequence(table.name, column.name), REGCLASS)
            connection.execute(sa.select(sa.func.setval(place, max(number, 1), number > 0)))
        elif _keeps_number(table):
            connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
            row = {"name": table.name, "seq": number}
            connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), row)


def _given(connection: Connection, table: sa.Table, column: sa.Column[Any]) -> int:
    if connection.dialect.name == "sqlite":
        if not _keeps_number(table):
            return 0
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return connection.scalar(query, {"name": table.name}) or 0
    name = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
    given = connection.execute(sa.text(f"SELECT last_value, is_called FROM {name}")).one()  # noqa: S608  of the catalog
    return int(given.last_value) if given.is_called else 0


def _keeps_number(table: sa.Table) -> bool:
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _counted() -> list[tuple[sa.Table, sa.Column[Any]]]:
    pairs = ((table, table.autoincrement_column) for table in metadata.sorted_tables)
    return [(table, column) for table, column in pairs if column is not None]

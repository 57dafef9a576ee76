"""The record as somebody beside the service meets it, on whichever engine the tests use (``TEST_DATABASE``).

On SQLite that is the file in the data folder, on PostgreSQL the database that belongs to the folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pysqlite3
import pytest
from psycopg.rows import dict_row

from cookiegate.storage.places import DATABASE_FILE
from cookiegate.storage.postgres_lines import LOCKS, WRITERS
from support.postgres import BIN, database_of, is_asked_for, server

ON_POSTGRES = is_asked_for()


def sqlite_only(reason: str) -> pytest.MarkDecorator:
    """For a test of what only SQLite has; the reason says where PostgreSQL's form is, or why it has none."""
    return pytest.mark.skipif(ON_POSTGRES, reason=f"SQLite only: {reason}")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """For a while nobody can write the record."""
    if ON_POSTGRES:
        with psycopg.connect(database_of(folder)) as connection:
            connection.execute(f"SELECT pg_advisory_xact_lock({LOCKS}, {WRITERS})")
            yield
            connection.rollback()
        return
    with closing(pysqlite3.connect(str(folder / DATABASE_FILE), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def refusing(folder: Path, table: str) -> Iterator[None]:
    """For a while one table takes no new row, as if there were no room for it."""
    if ON_POSTGRES:
        change(folder, "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$")
        change(folder, f"CREATE TRIGGER full_up BEFORE INSERT ON {table} EXECUTE FUNCTION full_up()")
    else:
        change(folder, f"CREATE TRIGGER full_up BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END")
    yield
    change(folder, f"DROP TRIGGER full_up{f' ON {table}' if ON_POSTGRES else ''}")


def change_protected(folder: Path, table: str, statement: str, *values: Any) -> None:
    """Changes a table that triggers protect, as an intruder would; the triggers are gone afterwards."""
    if ON_POSTGRES:
        change(folder, f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    else:
        for row in rows(folder, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            change(folder, f"DROP TRIGGER {row['name']}")
    change(folder, statement, *values)


def rows(folder: Path, query: str) -> list[dict[str, Any]]:
    """The committed rows of a query, by column name."""
    if ON_POSTGRES:
        with psycopg.connect(database_of(folder), row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()
    with closing(pysqlite3.connect(f"file:{folder / DATABASE_FILE}?mode=ro", uri=True)) as connection:
        connection.row_factory = pysqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def change(folder: Path, statement: str, *values: Any) -> None:
    """Changes the record by hand; a ``?`` stands for each value."""
    if ON_POSTGRES:
        with psycopg.connect(database_of(folder)) as connection:
            text = re.sub(r"zeroblob\((\d+)\)", r"decode(repeat('00', \1), 'hex')", statement.replace("?", "%s"))
            connection.execute(text.encode(), values)
        return
    with closing(pysqlite3.connect(str(folder / DATABASE_FILE), isolation_level=None)) as connection:
        connection.execute(statement, values)


def stored(folder: Path) -> bytes:
    """Everything that the record holds: SQLite's files with their log, or every row of PostgreSQL's tables."""
    if not ON_POSTGRES:
        return b"".join(path.read_bytes() for path in sorted(folder.glob(f"{DATABASE_FILE}*")))
    found = bytearray()
    with psycopg.connect(database_of(folder)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}".encode()):
                found += b"\n".join(part if isinstance(part, bytes) else str(part).encode() for part in row) + b"\n"
    return bytes(found)


class Copy:
    """A backup of a folder's record, without its subject keys, taken while the service may be running."""

    def __init__(self, folder: Path, to: Path) -> None:
        self.path = to
        if ON_POSTGRES:
            _run("pg_dump", "--format=custom", f"--file={to}", database_of(folder))
            return
        with (
            closing(pysqlite3.connect(str(folder / DATABASE_FILE))) as source,
            closing(pysqlite3.connect(str(to))) as target,
        ):
            source.backup(target)

    def put_back(self, folder: Path) -> None:
        """Makes it the record of a folder in place of the one that is there; nobody may have that open."""
        remove(folder)
        if ON_POSTGRES:
            _run("pg_restore", f"--dbname={database_of(folder)}", str(self.path))
            return
        shutil.copy(self.path, folder / DATABASE_FILE)


def copy_folder(folder: Path, to: Path) -> Path:
    """A whole data folder again, with a record of its own; returns ``to``. Nobody works on it meanwhile."""
    shutil.copytree(folder, to)
    if ON_POSTGRES:
        Copy(folder, to / "record.copy").put_back(to)
        (to / "record.copy").unlink()
    return to


def remove(folder: Path) -> None:
    """Takes a folder's record away; its keys stay. On PostgreSQL an empty database is left."""
    if ON_POSTGRES:
        name = database_of(folder).rpartition("/")[2]
        server().ask(f"DROP DATABASE {name} WITH (FORCE)")
        server().ask(f"CREATE DATABASE {name}")
        return
    for path in folder.glob(f"{DATABASE_FILE}*"):
        path.unlink()


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

"""Migrating a PostgreSQL database while others may be working on it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cookiegate.errors import StorageError
from cookiegate.storage.migrating import MIGRATES_ELSEWHERE, PATIENCE_S, is_settled, migrate
from cookiegate.storage.postgres_lines import LOCKS, MIGRATION, WRITERS, Connection, connect, storage_error

LOOK_AGAIN_S = 0.1
#: One statement of a migration.
STATEMENT_TIMEOUT = "10min"


def migrate_server(conninfo: str, *more: Path) -> None:
    """Brings a database to this program's schema, if it is not there yet.

    One process migrates; the others wait until it is done. The schema is changed inside a work that runs alone: no
    transaction of a running service is under way meanwhile, so that none holds what the change needs, and each waits
    for a moment.

    Args:
        conninfo: from :func:`~cookiegate.storage.postgres_lines.read_uri`.
        more: folders of further migrations, for tests.

    Raises:
        SettingsError: the server cannot be used, or the record is too new.
        StorageError: it cannot be reached, or others are in the way for a minute.
    """
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: _connect(conninfo), poolclass=NullPool)
    deadline = time.monotonic() + PATIENCE_S
    try:
        while not _is_settled(engine, more) and not _try_to_migrate(engine, more):
            if time.monotonic() > deadline:
                raise StorageError(MIGRATES_ELSEWHERE)
            threading.Event().wait(LOOK_AGAIN_S)
    except DBAPIError as error:
        raise storage_error(error) from error
    finally:
        engine.dispose()


def _connect(conninfo: str) -> Connection:
    connection = connect(conninfo)
    connection.autocommit = False  # SQLAlchemy begins and commits
    return connection


def _is_settled(engine: Engine, more: tuple[Path, ...]) -> bool:
    with engine.connect() as connection:
        return is_settled(connection, *more)


def _try_to_migrate(engine: Engine, more: tuple[Path, ...]) -> bool:
    """Migrates, unless another process does; its lock ends with its line at the latest."""
    with engine.connect() as holder:
        lock = f"SELECT pg_try_advisory_lock({LOCKS}, {MIGRATION})"
        is_mine = holder.exec_driver_sql(lock).scalar()
        holder.commit()  # the lock stays: it is the line's
        if not is_mine:
            return False
        try:
            _migrate(engine, more)
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.LockNotAvailable):
                return False  # a long work is under way, or somebody reads for long; nothing was changed
            raise
    return True


def _migrate(engine: Engine, more: tuple[Path, ...]) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, {WRITERS})")
        migrate(connection, *more)

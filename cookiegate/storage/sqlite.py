"""The embedded engine: SQLite in WAL with ``synchronous=FULL`` and group commit.

Python's own sqlite3 may be one of the builds that lose commits in WAL mode, so a fixed build comes as a package.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cookiegate.errors import SettingsError, StorageError
from cookiegate.storage.adopting import adopt_plain_rows
from cookiegate.storage.contract import (
    PolicyStore,
    Record,
    Revocation,
    WriteTransaction,
)
from cookiegate.storage.group_commit import GATHER_S, GroupCommit
from cookiegate.storage.migrating import MIGRATES_ELSEWHERE, PATIENCE_S, is_settled, migrate
from cookiegate.storage.patience import Patience
from cookiegate.storage.policies import RecordedPolicies
from cookiegate.storage.reading import RecordReading
from cookiegate.storage.reshredding import queue_undone
from cookiegate.storage.sqlite_writing import FileDamagedError, SqliteCommitter, storage_error
from cookiegate.storage.statements import run_statement
from cookiegate.storage.vault import Vault

T = TypeVar("T")

#: Builds from 3.7.0 to 3.51.2 can lose commits with WAL and two connections (the WAL-reset bug).
FIRST_SAFE_VERSION = (3, 51, 3)
BUSY_TIMEOUT_MS = 1_500
_BUSY_PAUSE_S = 0.01
SEQUENCE_MAX = 2**63 - 1
#: Pages in the log at which a commit takes it over itself: :meth:`SqliteStorage.tidy` leaves it little to do.
LOG_PAGES = 8_000
#: While the log is taken over it grows; so once more, at most so often, until this few pages are left.
TAKEN_OVER_TURNS = 4
TAKEN_OVER_REST = 64
#: The only triggers that the migrations make: published policies stay as they are.
OWN_TRIGGERS = {
    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
    for table in ("policies", "notices")
    for act in ("UPDATE", "DELETE")
}


def refuse_unsafe_build(version: tuple[int, ...]) -> None:
    """Stops the start on a SQLite build that may lose commits.

    Raises:
        SettingsError: naming the version that runs and the one that is needed.
    """
    if version < FIRST_SAFE_VERSION:
        running, needed = (".".join(map(str, parts)) for parts in (version, FIRST_SAFE_VERSION))
        raise SettingsError(
            f"SQLite {running} can lose commits in WAL mode; install pysqlite3 with SQLite {needed} or later"
        )


class SqliteStorage(RecordReading):
    """The record in one SQLite file. One process writes it."""

    def __init__(
        self, engine: Engine, path: str, vault: Vault, gather_s: float, patience: Patience | None = None
    ) -> None:
        self._engine = engine
        self._path = path
        super().__init__(vault)
        self._committer = SqliteCommitter(self._connect, vault)
        self._group = GroupCommit(self._committer, gather_s=gather_s, patience=patience)
        # No thread owns a reader: a connection that dies with its thread is torn down when the interpreter may no
        # longer be entered, and takes the process with it.
        self._readers: deque[Any] = deque()
        self._policies = RecordedPolicies(self)

    @classmethod
    def open(
        cls, uri: str, vault: Vault, *, gather_s: float = GATHER_S, patience: Patience | None = None
    ) -> SqliteStorage:
        """Opens, and if needed creates and migrates, the database at a ``sqlite:///path`` URI.

        Args:
            uri: names the file.
            vault: the subject keys, which lie apart.
            gather_s, patience: as for :class:`GroupCommit`.

        Raises:
            SettingsError: the file or this build of SQLite cannot be used, or somebody put triggers into the file.
            StorageError: the file cannot be read or written now.
            KeyFileError: the subject keys are older than the record.
        """
        refuse_unsafe_build(pysqlite3.sqlite_version_info)
        path = make_url(uri).database
        if not path or path == ":memory:":
            raise SettingsError("COOKIEGATE_DATABASE_URL: SQLite needs a file; a record in memory would not last")
        engine = engine_of(uri)
        try:
            # SQLite gives its log and index files the mode of the database.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            _refuse_foreign_triggers(engine, path)
            migrate_file(engine)
            storage = cls(engine, path, vault, gather_s, patience)
            storage._take_over()
        except OSError as error:
            raise SettingsError(f"the database file cannot be opened ({error.strerror})") from error
        except DBAPIError as error:
            raise _named(storage_error(error), path) from error
        except FileDamagedError as error:
            raise _named(error, path) from error
        return storage

    def _take_over(self) -> None:
        self._refuse_older_keys()
        connection = self._connect()
        try:
            adopt_plain_rows(self, connection)
        finally:
            connection.close()
        queue_undone(self)
        self.shred()

    @property
    def policies(self) -> PolicyStore:
        """The published policies."""
        return self._policies

    def write(self, work: Callable[[WriteTransaction], T], *, side_by_side: bool = False) -> T:
        """Runs ``work`` inside the next shared commit; see the contract. With one writer, all works run alone."""
        return cast(T, self._group.write(work))

    def read(self, statement: sa.Select[Any]) -> list[Record]:
        """Runs a SQLAlchemy Core query on the committed record."""
        return self._with_reader(lambda connection: run_statement(connection, statement))

    def tidy(self) -> None:
        """Takes the write-ahead log over into the database, beside the writer, so that no commit has to do it.

        A writer that has nothing left to take over begins the log anew; else the log would grow for ever under load.
        """
        for _ in range(TAKEN_OVER_TURNS):
            _busy, frames, taken = self._read("PRAGMA wal_checkpoint(PASSIVE)", ())[0]
            if frames - taken < TAKEN_OVER_REST:
                return

    def empty_log(self) -> None:
        """Takes the write-ahead log over into the database and cuts it off; does nothing while others read or write."""
        self._read("PRAGMA wal_checkpoint(TRUNCATE)", ())

    def now_ms(self) -> int | None:
        """None: there is no clock but this machine's."""
        return None

    def lease(self, name: str, holder: str, ttl_s: float) -> bool:
        """Takes or renews the lead of a piece of background work."""
        now_ms = time.time_ns() // 1_000_000
        until_ms = now_ms + int(ttl_s * 1000)
        # A lead that lasts longer than a new one would is from before the clock was set back: nobody's.
        taken = self._committer.execute_in(
            self._group,
            "INSERT INTO leases (name, holder, until_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
            "SET holder = excluded.holder, until_ms = excluded.until_ms "
            "WHERE holder = excluded.holder OR until_ms < ? OR until_ms > excluded.until_ms",
            (name, holder, until_ms, now_ms),
        )
        return taken > 0

    def revocations(self, after: int = 0, limit: int = 10_000) -> list[Revocation]:
        """At most ``limit`` revocations with a sequence above ``after``."""
        return self._revocations_between(after, SEQUENCE_MAX, limit)

    @property
    def history(self) -> str:
        """Always the same: while a file is served nobody replaces it."""
        return ""

    def read_history(self) -> str:
        """The same."""
        return self.history

    def settled(self, sequence: sa.Column[int], after: int = 0) -> int:
        """The highest value: commits and sequences have one order."""
        return max(after, self.read(sa.select(sa.func.max(sequence).label("newest")))[0]["newest"] or 0)

    def go_on_after(self, sequence: sa.Column[int], number: int) -> None:
        """Nothing is to be done: SQLite counts on from the highest number that any row was given."""

    def keep_artifact(self, sha256: str, site: str, name: str, body: bytes) -> None:
        """Keeps a served file by its digest, once."""
        if self.artifact(sha256) is None:
            self._committer.execute_in(
                self._group,
                "INSERT OR IGNORE INTO artifacts (sha256, site, name, body) VALUES (?, ?, ?, ?)",
                (sha256, site, name, body),
            )

    def forget_answers(self, before_ms: int) -> int:
        """Drops old idempotency keys."""
        return self._committer.execute_in(self._group, "DELETE FROM answers WHERE created_at_ms < ?", (before_ms,))

    def ping(self) -> None:
        """Writes a row: on a full disk the lock alone could still be had."""
        statement = "INSERT OR REPLACE INTO leases (name, holder, until_ms) VALUES ('ping', '', 0)"
        self._committer.execute_in(self._group, statement, ())

    def close(self) -> None:
        """Closes every connection."""
        self._committer.abandon()
        while self._readers:
            self._readers.pop().close()
        self._engine.dispose()
        self._vault.close()

    def _connect(self) -> Any:
        try:
            connection = pysqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
            )
            _prepare_connection(connection, None)
        except pysqlite3.Error as error:
            raise storage_error(error) from error
        return connection

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        return self._with_reader(lambda connection: cast(list[Any], connection.execute(statement, values).fetchall()))

    def _with_reader(self, work: Callable[[Any], list[T]]) -> list[T]:
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._connect()
        try:
            found = work(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, pysqlite3.Error):
                raise storage_error(error) from error
            raise
        self._readers.append(connection)
        return found


def foreign_triggers(execute: Callable[[str], Any]) -> list[str]:
    """The names of a file's triggers that no migration made. A trigger can undo a withdrawal, and nobody would see it.

    Args:
        execute: runs a statement on a connection to the file.
    """
    found = execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").fetchall()
    return [repr(name)[:64] for name, sql in found if sql not in OWN_TRIGGERS]


def _refuse_foreign_triggers(engine: Engine, path: str) -> None:
    with engine.connect() as connection:
        found = foreign_triggers(connection.exec_driver_sql)
    if found:
        raise SettingsError(
            f"{path} holds triggers that cookiegate did not make ({', '.join(found)}): they could change what is "
            "recorded. Find out who made them; then drop them, or restore a backup"
        )


def engine_of(uri: str) -> Engine:
    """SQLAlchemy on a file, each connection prepared as ours are."""
    engine = sa.create_engine(
        uri, module=pysqlite3, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )
    sa.event.listen(engine, "connect", _prepare_connection)
    return engine


def migrate_file(engine: Engine, *more: Path) -> None:
    """Brings a file to this program's schema, in one transaction, which one process at a time can have.

    Args:
        engine: from :func:`engine_of`.
        more: folders of further migrations, for tests.

    Raises:
        SettingsError: the record is too new.
        StorageError: others are in the way for a minute.
    """
    with engine.connect() as connection:
        deadline = time.monotonic() + PATIENCE_S
        while not is_settled(connection, *more):
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except DBAPIError:
                if time.monotonic() > deadline:
                    raise StorageError(MIGRATES_ELSEWHERE) from None
                continue
            migrate(connection, *more)
            connection.exec_driver_sql("COMMIT")


def _named(error: StorageError, path: str) -> StorageError:
    """Names the file where it is damaged: the start stops there."""
    is_damage = isinstance(error, FileDamagedError)
    return FileDamagedError(f"{path} is damaged: restore it from a backup") if is_damage else error


def _write_ahead(connection: Any) -> None:
    """Changes a new file to write-ahead logging, which SQLite refuses at once while another process does so."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except pysqlite3.OperationalError as error:
            if error.sqlite_errorcode != pysqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE_S)
        else:
            return


def _prepare_connection(connection: Any, _record: object) -> None:
    # Transactions are begun by hand; the driver's own implicit ones would split a group.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")

"""The embedded engine: SQLite in WAL with ``synchronous=FULL`` and group commit.

Python's own sqlite3 may be one of the builds that lose commits in WAL mode, so a fixed build comes as a package.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cookiegate.errors import KeyFileError, SettingsError
from cookiegate.storage import tables
from cookiegate.storage.adopting import adopt_plain_rows
from cookiegate.storage.contract import (
    ConsentRow,
    DecisionRow,
    EntryRow,
    PolicyStore,
    Record,
    Revocation,
    StatusSlot,
    WriteTransaction,
    first_id,
)
from cookiegate.storage.group_commit import GATHER_S, GroupCommit
from cookiegate.storage.migrating import migrate
from cookiegate.storage.reshredding import queue_undone
from cookiegate.storage.sealed_rows import consent_from_columns, decision_from_columns, entry_from_columns
from cookiegate.storage.sqlite_policies import SqlitePolicies
from cookiegate.storage.sqlite_writing import SqliteCommitter, storage_error
from cookiegate.storage.statements import run_statement
from cookiegate.storage.tables_all import metadata
from cookiegate.storage.vault import Vault

T = TypeVar("T")

#: Builds from 3.7.0 to 3.51.2 can lose commits with WAL and two connections (the WAL-reset bug).
FIRST_SAFE_VERSION = (3, 51, 3)
BUSY_TIMEOUT_MS = 2_000
#: Keys destroyed at once; a statement takes only so many values.
SHRED_MAX = 10_000
#: Rows of a table that tell its highest key: keys are given out in rising blocks, a block a process.
NEWEST_ROWS = 10_000
#: Tables of keys that are gone: a key file that never had them lacks nothing.
ERASED_LISTS = ("erased_keys", "erasures", "shreds")


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


class SqliteStorage:
    """The record in one SQLite file. One process writes it."""

    def __init__(self, engine: Engine, path: str, vault: Vault, gather_s: float) -> None:
        self._engine = engine
        self._path = path
        self._vault = vault
        self._committer = SqliteCommitter(self._connect, vault)
        self._group = GroupCommit(self._committer, gather_s=gather_s)
        # No thread owns a reader: a connection that dies with its thread is torn down when the interpreter may no
        # longer be entered, and takes the process with it.
        self._readers: deque[Any] = deque()
        self._policies = SqlitePolicies(engine)

    @classmethod
    def open(cls, uri: str, vault: Vault, *, gather_s: float = GATHER_S) -> SqliteStorage:
        """Opens, and if needed creates and migrates, the database at a ``sqlite:///path`` URI.

        Args:
            uri: names the file.
            vault: the subject keys, which lie apart.
            gather_s: as for :class:`GroupCommit`.
        """
        refuse_unsafe_build(pysqlite3.sqlite_version_info)
        path = make_url(uri).database
        if not path or path == ":memory:":
            raise SettingsError("COOKIEGATE_DATABASE_URL: SQLite needs a file; a record in memory would not last")
        engine = sa.create_engine(
            uri, module=pysqlite3, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
        )
        sa.event.listen(engine, "connect", _prepare_connection)
        try:
            # SQLite gives its log and index files the mode of the database.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with engine.begin() as connection:
                migrate(connection)
        except OSError as error:
            raise SettingsError(f"the database file cannot be opened ({error.strerror})") from error
        except DBAPIError as error:
            raise storage_error(error) from error
        storage = cls(engine, path, vault, gather_s)
        storage._take_over()
        return storage

    def _take_over(self) -> None:
        newest = self._newest_key()
        if newest > self._vault.size():
            raise KeyFileError(
                f"{self._vault.path} is older than the record: restore the newest copy of the subject keys",
                key_id=newest,
            )
        connection = self._connect()
        try:
            adopt_plain_rows(self, connection)
        finally:
            connection.close()
        queue_undone(self)
        self.shred()

    def _newest_key(self) -> int:
        """The highest subject key that any table names: a key file without it would give it to someone else."""
        keyed = [table for table in metadata.tables.values() if "key_id" in table.c and table.name not in ERASED_LISTS]
        newest = (
            f"SELECT max(key_id) FROM (SELECT key_id FROM {table.name} "  # noqa: S608  our own names
            f"ORDER BY {table.primary_key.columns[0].name} DESC LIMIT {NEWEST_ROWS})"
            for table in keyed
        )
        return max(self._read(query, ())[0][0] or 0 for query in newest)

    @property
    def vault(self) -> Vault:
        """The subject keys."""
        return self._vault

    @property
    def policies(self) -> PolicyStore:
        """The published policies."""
        return self._policies

    def write(self, work: Callable[[WriteTransaction], T]) -> T:
        """Runs ``work`` inside the next shared commit; see the contract."""
        return cast(T, self._group.write(work))

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The committed consent of a handle."""
        rows = self._read("SELECT * FROM consents WHERE site = ? AND handle_hash = ?", (site, handle_hash))
        return consent_from_columns(self._vault, rows[0]) if rows else None

    def count_decisions(self, site: str) -> int:
        """How many decisions a site has."""
        return int(self._read("SELECT count(*) FROM decisions WHERE site = ?", (site,))[0][0])

    def decisions(self, site: str) -> list[DecisionRow]:
        """Every decision of a site in order of id."""
        return self._decisions("SELECT * FROM decisions WHERE site = ? ORDER BY id", (site,))

    def decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        found = self._decisions("SELECT * FROM decisions WHERE id = ?", (decision_id,))
        return found[0] if found else None

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key, in order of id."""
        return self._decisions("SELECT * FROM decisions WHERE key_id = ? ORDER BY id", (key_id,))

    def decisions_between(
        self, from_ms: int, to_ms: int, *, site: str | None = None, after: str = "", limit: int = 1_000
    ) -> list[DecisionRow]:
        """A page of the decisions of a time; see the contract."""
        # Ids tell their time (UUIDv7), so the primary key finds the range.
        return self._decisions(
            "SELECT * FROM decisions WHERE id >= ? AND id < ? AND id > ? AND (? IS NULL OR site = ?) "
            "ORDER BY id LIMIT ?",
            (first_id(from_ms), first_id(to_ms), after, site, site, limit),
        )

    def _decisions(self, query: str, values: tuple[Any, ...]) -> list[DecisionRow]:
        return [decision_from_columns(self._vault, row) for row in self._read(query, values)]

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        rows = self._read("SELECT * FROM consents WHERE key_id = ?", (key_id,))
        return [row for row in (consent_from_columns(self._vault, columns) for columns in rows) if row]

    def entry(self, entry_id: str) -> EntryRow | None:
        """One ledger entry that is not a decision."""
        rows = self._read("SELECT * FROM entries WHERE id = ?", (entry_id,))
        return entry_from_columns(self._vault, rows[0]) if rows else None

    def entries(self, *, kind: str | None = None, site: str | None = None) -> list[EntryRow]:
        """The ledger entries that are not decisions, in order of id."""
        query = "SELECT * FROM entries WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR site = ?) ORDER BY id"
        return [entry_from_columns(self._vault, row) for row in self._read(query, (kind, kind, site, site))]

    def read(self, statement: sa.Select[Any]) -> list[Record]:
        """Runs a SQLAlchemy Core query on the committed record."""
        return self._with_reader(lambda connection: run_statement(connection, statement))

    def shred(self) -> int:
        """Destroys the subject keys that are queued for it."""
        mark = self._read("SELECT max(sequence) FROM erased_keys", ())[0][0] or 0
        count = 0
        while key_ids := [row[0] for row in self._read("SELECT key_id FROM shreds LIMIT ?", (SHRED_MAX,))]:
            # Whatever was erased up to the mark is destroyed with the last of these, or was before.
            self._vault.destroy(key_ids, max(mark, self._vault.mark) if len(key_ids) < SHRED_MAX else None)
            done = sa.delete(tables.shreds).where(tables.shreds.c.key_id.in_(key_ids))
            self._group.write(partial(_execute, done))
            count += len(key_ids)
        return count

    def empty_log(self) -> None:
        """Takes the write-ahead log over into the database and cuts it off; does nothing while others read or write."""
        self._read("PRAGMA wal_checkpoint(TRUNCATE)", ())

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
        rows = self._read("SELECT * FROM revocations WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit))
        return [Revocation(row[0], StatusSlot(row[1], row[2]), row[3], row[4], row[5], row[6]) for row in rows]

    def status_lists(self) -> list[tuple[int, int]]:
        """Every status list as (id, size)."""
        return [(row[0], row[1]) for row in self._read("SELECT id, size FROM status_lists ORDER BY id", ())]

    def keep_artifact(self, sha256: str, site: str, name: str, body: bytes) -> None:
        """Keeps a served file by its digest, once."""
        if self.artifact(sha256) is None:
            self._committer.execute_in(
                self._group, "INSERT OR IGNORE INTO artifacts VALUES (?, ?, ?, ?)", (sha256, site, name, body)
            )

    def artifact(self, sha256: str) -> bytes | None:
        """A kept file."""
        rows = self._read("SELECT body FROM artifacts WHERE sha256 = ?", (sha256,))
        return rows[0][0] if rows else None

    def forget_answers(self, before_ms: int) -> int:
        """Drops old idempotency keys."""
        return self._committer.execute_in(self._group, "DELETE FROM answers WHERE created_at_ms < ?", (before_ms,))

    def ping(self) -> None:
        """Takes the write lock and lets it go."""
        self._group.write(lambda transaction: None)

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


def _execute(statement: sa.Executable, transaction: WriteTransaction) -> None:
    transaction.execute(statement)


def _prepare_connection(connection: Any, _record: object) -> None:
    # Transactions are begun by hand; the driver's own implicit ones would split a group.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")

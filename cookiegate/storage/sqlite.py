"""The embedded engine: SQLite in WAL with ``synchronous=FULL`` and group commit.

Python's own sqlite3 may be one of the builds that lose commits in WAL mode, so a fixed build comes as a package.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cookiegate.errors import SettingsError
from cookiegate.storage import tables
from cookiegate.storage.contract import (
    ConsentRow,
    DecisionRow,
    NoticeRow,
    PolicyRow,
    PolicyStore,
    Revocation,
    StatusSlot,
    WriteTransaction,
)
from cookiegate.storage.group_commit import GATHER_S, GroupCommit
from cookiegate.storage.migrating import migrate
from cookiegate.storage.sqlite_writing import SqliteCommitter, consent_from_row, decision_from_row, storage_error

T = TypeVar("T")

#: Builds from 3.7.0 to 3.51.2 can lose commits with WAL and two connections (the WAL-reset bug).
FIRST_SAFE_VERSION = (3, 51, 3)
BUSY_TIMEOUT_MS = 2_000


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

    def __init__(self, engine: Engine, path: str, gather_s: float) -> None:
        self._engine = engine
        self._path = path
        self._committer = SqliteCommitter(self._connect)
        self._group = GroupCommit(self._committer, gather_s=gather_s)
        # No thread owns a reader: a connection that dies with its thread is torn down when the interpreter may no
        # longer be entered, and takes the process with it.
        self._readers: deque[Any] = deque()
        self._policies = _SqlitePolicies(engine)

    @classmethod
    def open(cls, uri: str, *, gather_s: float = GATHER_S) -> SqliteStorage:
        """Opens, and if needed creates and migrates, the database at a ``sqlite:///path`` URI.

        Args:
            uri: names the file.
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
        return cls(engine, path, gather_s)

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
        return consent_from_row(rows[0]) if rows else None

    def count_decisions(self, site: str) -> int:
        """How many decisions a site has."""
        return int(self._read("SELECT count(*) FROM decisions WHERE site = ?", (site,))[0][0])

    def decisions(self, site: str) -> list[DecisionRow]:
        """Every decision of a site in order of id."""
        return [
            decision_from_row(row) for row in self._read("SELECT * FROM decisions WHERE site = ? ORDER BY id", (site,))
        ]

    def revocations(self, after: int = 0, limit: int = 10_000) -> list[Revocation]:
        """At most ``limit`` revocations with a sequence above ``after``."""
        rows = self._read("SELECT * FROM revocations WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit))
        return [Revocation(row[0], StatusSlot(row[1], row[2]), row[3], row[4], row[5]) for row in rows]

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
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._connect()
        try:
            rows = cast(list[Any], connection.execute(statement, values).fetchall())
        except pysqlite3.Error as error:
            connection.close()
            raise storage_error(error) from error
        self._readers.append(connection)
        return rows


def _prepare_connection(connection: Any, _record: object) -> None:
    # Transactions are begun by hand; the driver's own implicit ones would split a group.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")


class _SqlitePolicies:
    """Published policies through SQLAlchemy Core: read seldom, so clarity wins."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: PolicyRow, notices: Iterable[NoticeRow]) -> None:
        """Adds a version and its notices in one transaction."""
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.execute(tables.policies.insert().values(**_columns(row)))
                for notice in notices:
                    connection.execute(tables.notices.insert().values(**_columns(notice)))
                connection.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            raise storage_error(error, f"version {row.version} of {row.site} was not published; try again") from error

    def latest(self, site: str) -> PolicyRow | None:
        """The newest version."""
        table = tables.policies
        return self._one(sa.select(table).where(table.c.site == site).order_by(table.c.version.desc()).limit(1))

    def version(self, site: str, number: int) -> PolicyRow | None:
        """One version."""
        table = tables.policies
        return self._one(sa.select(table).where(table.c.site == site, table.c.version == number))

    def notices(self, site: str, version: int) -> list[NoticeRow]:
        """The notices of one version."""
        table = tables.notices
        query = sa.select(table).where(table.c.site == site, table.c.version == version).order_by(table.c.locale)
        return [NoticeRow(**row._mapping) for row in self._rows(query)]

    def notice_version(self, site: str, sha256: str) -> int | None:
        """Which version of the site's policy a notice belongs to."""
        table = tables.notices
        rows = self._rows(sa.select(table.c.version).where(table.c.sha256 == sha256, table.c.site == site))
        return rows[0][0] if rows else None

    def sites(self) -> list[str]:
        """Every site with a policy."""
        return [row[0] for row in self._rows(sa.select(tables.policies.c.site).distinct().order_by("site"))]

    def revision(self) -> int:
        """The newest policy's row number."""
        return self._rows(sa.select(sa.func.max(tables.policies.c.revision)))[0][0] or 0

    def _one(self, query: sa.Select[Any]) -> PolicyRow | None:
        rows = self._rows(query)
        if not rows:
            return None
        return PolicyRow(**{name: value for name, value in rows[0]._mapping.items() if name != "revision"})

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except DBAPIError as error:
            raise storage_error(error) from error


def _columns(row: PolicyRow | NoticeRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}

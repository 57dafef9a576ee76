"""The set-ups that are loaded: what each starts, and how many bytes each keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pysqlite3
from support.live import ServiceProcess
from support.policies import DEMO
from support.postgres import PostgresServer
from support.redis_servers import RedisServer

DATABASE = "cookiegate"
#: Everyone has an address of their own, so that the limits per address hold as in real life.
PROXY = {"COOKIEGATE_TRUSTED_PROXIES": "127.0.0.1/32"}


class Record(Protocol):
    """The record behind a service that is stopped."""

    def table_bytes(self) -> Mapping[str, int]:
        """Bytes of each table with its indexes."""
        ...

    def decisions(self) -> int:
        """How many decisions are in it."""
        ...


@dataclass(slots=True)
class SetUp:
    """A service to load, not started yet."""

    name: str
    service: ServiceProcess
    record: Record
    keys: Path

    def sizes(self) -> dict[str, int]:
        """Bytes of every table and of the subject keys; the service must be stopped."""
        return {**self.record.table_bytes(), "(subject keys)": self.keys.stat().st_size if self.keys.exists() else 0}


@dataclass(frozen=True, slots=True)
class SqliteRecord:
    """The embedded database, read with the interpreter's own library while nothing else has it open."""

    path: Path

    def table_bytes(self) -> Mapping[str, int]:
        """Pages by table: dbstat counts every page once."""
        if not self.path.exists():
            return {}
        self._empty_log()
        by_table = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
        return dict(self._ask(by_table))

    def decisions(self) -> int:
        """Rows of the table, also while the service writes."""
        connection = pysqlite3.connect(self.path)
        try:
            return int(connection.execute("SELECT count(*) FROM decisions").fetchone()[0])
        finally:
            connection.close()

    def _empty_log(self) -> None:
        # By the service's library: the interpreter's own may be one that loses commits.
        connection = pysqlite3.connect(self.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def _ask(self, sql: str) -> list[tuple[str, int]]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro&immutable=1", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class PostgresRecord:
    """A database of a server that runs."""

    server: PostgresServer

    def table_bytes(self) -> Mapping[str, int]:
        """Heap, indexes and TOAST of each table."""
        sizes = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
        return dict(self.server.ask(f"{sizes}'public'::regnamespace", DATABASE))

    def decisions(self) -> int:
        """Rows of the table."""
        found = self.server.ask("SELECT to_regclass('decisions') IS NOT NULL", DATABASE)[0][0]
        return int(self.server.ask("SELECT count(*) FROM decisions", DATABASE)[0][0]) if found else 0

    def written_bytes(self) -> int:
        """Bytes of the write-ahead log so far."""
        return int(self.server.ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn", DATABASE)[0][0])

    def pid(self) -> int:
        """The server's first process."""
        return int((self.server.folder / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def embedded(folder: Path) -> Iterator[SetUp]:
    """SQLite in one process: the defaults."""
    service = ServiceProcess(folder, policies=(DEMO,), **PROXY)
    record = SqliteRecord(folder / "data" / "cookiegate.db")
    with _stopping(service):
        yield SetUp("SQLite", service, record, _keys(folder))


@contextmanager
def postgres_record() -> Iterator[PostgresRecord]:
    """An empty database on a server whose folder is on disk: a commit is an fsync."""
    server = PostgresServer(on_disk=True)
    try:
        server.start()
        server.ask(f"CREATE DATABASE {DATABASE}")
        yield PostgresRecord(server)
    finally:
        server.remove()


@contextmanager
def postgresql(folder: Path) -> Iterator[SetUp]:
    """PostgreSQL and one worker."""
    with postgres_record() as record:
        service = ServiceProcess(folder, policies=(DEMO,), **PROXY, COOKIEGATE_DATABASE_URL=record.server.uri(DATABASE))
        with _stopping(service):
            yield SetUp("PostgreSQL", service, record, _keys(folder))


@contextmanager
def postgresql_and_redis(folder: Path) -> Iterator[SetUp]:
    """PostgreSQL, Redis and two workers."""
    with postgres_record() as record, RedisServer() as redis:
        service = ServiceProcess(
            folder, policies=(DEMO,), workers=2, **PROXY,
            COOKIEGATE_DATABASE_URL=record.server.uri(DATABASE), COOKIEGATE_REDIS_URL=redis.url,
        )  # fmt: skip
        with _stopping(service):
            yield SetUp("PostgreSQL + Redis, 2 workers", service, record, _keys(folder))


@contextmanager
def _stopping(service: ServiceProcess) -> Iterator[None]:
    try:
        yield
    finally:
        service.stop()


def _keys(folder: Path) -> Path:
    return folder / "data" / "subject-keys" / "keys.bin"


SET_UPS = {"sqlite": embedded, "postgresql": postgresql, "redis": postgresql_and_redis}

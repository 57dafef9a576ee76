"""PostgreSQL: the contract, and what only a server can get wrong. Several writers: ``test_several_writers.py``."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.pool import NullPool
from support.postgres import PostgresServer, database_of, fresh_database, server, with_password
from support.waiting import until

from contract.storage_contract import StorageContract, a_consent, a_decision, a_policy
from cookiegate.errors import SettingsError, StorageError
from cookiegate.settings import Settings
from cookiegate.storage.contract import DecisionRow, NoticeRow, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.patience import Patience
from cookiegate.storage.postgres_lines import read_uri
from cookiegate.storage.tables_all import metadata


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    opened: list[Storage] = []

    def open_again() -> Storage:
        settings = Settings(data_dir=tmp_path, database_url=database_of(tmp_path))
        opened.append(open_storage(settings, patience=Patience(whole_s=60.0)))  # a hundred threads, on a busy machine
        return opened[-1]

    yield open_again
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(reopen: Callable[[], Storage]) -> Storage:
    fresh = reopen()
    assert fresh.vault.new_key() == 1  # the subject of every row in these tests
    return fresh


@pytest.fixture
def database(storage: Storage, tmp_path: Path) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_of(tmp_path), autocommit=True) as connection:
        yield connection


@pytest.fixture
def fragile(own_server: PostgresServer, tmp_path: Path) -> Iterator[Storage]:
    """A record on a server of its own."""
    name = f"fragile_{tmp_path.name.replace('-', '_')}".lower()
    own_server.ask(f"CREATE DATABASE {name}")
    storage = open_storage(Settings(data_dir=tmp_path, database_url=own_server.uri(name)))
    storage.vault.new_key()
    yield storage
    storage.close()


class TestPostgres(StorageContract):
    """The contract on PostgreSQL."""


@pytest.mark.parametrize(
    "statement",
    ["UPDATE policies SET document = ''", "DELETE FROM policies", "DELETE FROM notices", "TRUNCATE notices"],
)
def test_published_policies_cannot_be_changed_even_by_hand(
    storage: Storage, database: psycopg.Connection[Any], statement: str
) -> None:
    storage.policies.add(a_policy(), [NoticeRow("a" * 64, "demo", 1, "ja", b"{}")])
    with pytest.raises(psycopg.IntegrityError, match="immutable"):
        database.execute(statement.encode())


def test_the_migrations_make_the_schema_that_the_code_knows(storage: Storage, tmp_path: Path) -> None:
    uri = database_of(tmp_path)
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(uri), poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_texts_are_ordered_by_their_bytes(database: psycopg.Connection[Any]) -> None:
    languages = database.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('character varying', 'text') AND collation_name IS DISTINCT FROM 'C' "
        "AND table_name <> 'alembic_version'"
    ).fetchall()
    assert set(languages) <= {("schema_changes", "revision")}


def test_a_locked_record_is_refused_within_seconds_and_heals(
    storage: Storage, database: psycopg.Connection[Any]
) -> None:
    database.execute("BEGIN; LOCK TABLE answers, decisions IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(StorageError) as refused:
        storage.write(lambda transaction: transaction.append_decision(a_decision()), side_by_side=True)
    assert "lock" not in refused.value.detail  # the driver's words stay inside
    database.execute("ROLLBACK")
    storage.write(lambda transaction: transaction.append_decision(a_decision()), side_by_side=True)
    assert storage.count_decisions("demo") == 1


def test_threads_that_write_together_share_commits(storage: Storage, database: psycopg.Connection[Any]) -> None:
    count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    gate = threading.Barrier(40)

    def write(number: int) -> None:
        gate.wait()
        storage.write(lambda transaction: transaction.append_decision(a_decision(f"{number:03d}")), side_by_side=True)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(40)]
    before = database.execute(count.encode()).fetchall()[0][0]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.count_decisions("demo") == 40
    transactions = database.execute("SELECT count(DISTINCT xmin::text) FROM decisions").fetchall()[0][0]
    assert transactions < 40
    assert before >= 0


def test_neither_tables_nor_log_hold_a_payload_in_clear(storage: Storage, database: psycopg.Connection[Any]) -> None:
    row = a_decision(sub="subject-in-clear-22chr")
    storage.write(lambda transaction: transaction.append_decision(row), side_by_side=True)
    storage.write(lambda transaction: transaction.put_consent(a_consent(purposes="purpose-in-clear")))
    server().ask("CHECKPOINT")
    number = database.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchall()[0][0]
    data = server().folder / "data"
    files = [*(data / "base" / str(number)).iterdir(), *(data / "pg_wal").glob("0*")]
    stored = b"".join(path.read_bytes() for path in files)
    assert row.id.encode() in stored
    for secret in (b"subject-in-clear-22chr", b"purpose-in-clear"):
        assert secret not in stored


@pytest.mark.parametrize("statement", ["synchronous_commit = off", "synchronous_commit = 'off'"])
def test_a_database_that_acknowledges_too_early_stops_the_start(tmp_path: Path, statement: str) -> None:
    uri = fresh_database()
    server().ask(f"ALTER DATABASE {uri.rpartition('/')[2]} SET {statement}")
    with pytest.raises(SettingsError, match="synchronous_commit"):
        open_storage(Settings(data_dir=tmp_path, database_url=uri))


def test_a_server_that_does_not_sync_stops_the_start(own_server: PostgresServer, tmp_path: Path) -> None:
    own_server.restart(fsync="off")
    try:
        with pytest.raises(SettingsError, match="fsync = on"):
            open_storage(Settings(data_dir=tmp_path, database_url=own_server.uri("postgres")))
    finally:
        own_server.restart()


def test_a_record_heals_after_the_server_crashed_and_nothing_acknowledged_is_lost(
    fragile: Storage, own_server: PostgresServer
) -> None:
    acknowledged: list[str] = []
    refused: list[str] = []
    stopped = threading.Event()

    def write(row: DecisionRow) -> None:
        try:
            fragile.write(lambda transaction: transaction.append_decision(row), side_by_side=True)
        except StorageError:
            refused.append(row.id)
        else:
            acknowledged.append(row.id)

    def write_on(name: str) -> None:
        for number in itertools.count():
            if stopped.is_set():
                return
            write(a_decision(f"{name}-{number}"))

    threads = [threading.Thread(target=write_on, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    until(lambda: len(acknowledged) > 50)
    own_server.restart()
    before = len(acknowledged)
    until(lambda: len(acknowledged) > before + 50, deadline_s=20)
    stopped.set()
    for thread in threads:
        thread.join()
    fragile.ping()
    found = {row.id for row in fragile.decisions("demo")}
    assert set(acknowledged) <= found
    assert found <= set(acknowledged) | set(refused)


def test_lines_that_died_while_nobody_used_them_cost_no_request(fragile: Storage, own_server: PostgresServer) -> None:
    fragile.ping()
    own_server.restart()
    fragile.ping()
    fragile.write(lambda transaction: transaction.append_decision(a_decision()))


def test_a_standby_is_not_ready(own_server: PostgresServer, fragile: Storage, tmp_path: Path) -> None:
    standby = own_server.standby()
    try:
        name = own_server.ask("SELECT datname FROM pg_database WHERE datname LIKE 'fragile%' ORDER BY oid DESC")[0][0]
        with pytest.raises(StorageError, match="take writes"):
            open_storage(Settings(data_dir=tmp_path, database_url=standby.uri(name)))
        uri = standby.uri(name) + "?target_session_attrs=any"
        reading = open_storage(Settings(data_dir=tmp_path, database_url=uri))
        assert reading.count_decisions("demo") == 0
        with pytest.raises(StorageError):
            reading.ping()
        reading.close()
    finally:
        standby.remove()


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://host",
        "postgresql://user:p4ss/w0rd@host/db",
        "postgresql+psycopg://user:s3cret@host:port/db",
        "postgresql://user:s3cret@host/db?sslmod=require",
        "postgresql+asyncpg://user:s3cret@host/db",
    ],
)
def test_an_unusable_uri_stops_the_start_and_keeps_the_password(uri: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=uri)
    with pytest.raises(SettingsError, match="COOKIEGATE_DATABASE_URL") as stopped:
        open_storage(settings)
    for text in (stopped.value.detail, str(stopped.value.evidence), repr(settings)):
        assert not any(secret in text for secret in ("s3cret", "p4ss", "w0rd"))


def test_the_password_is_in_no_message_and_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = PostgresServer()
    uri = with_password(own.uri("postgres"), "s3cret")
    with pytest.raises(StorageError, match="cannot be reached") as refused:
        open_storage(Settings(data_dir=tmp_path, database_url=uri))
    own.start()
    caplog.set_level("DEBUG")
    storage = open_storage(Settings(data_dir=tmp_path, database_url=uri))
    own.remove()
    with pytest.raises(StorageError):
        storage.ping()
    storage.close()
    for text in (refused.value.detail, str(refused.value.__cause__), caplog.text):
        assert "s3cret" not in text


def test_without_its_driver_the_start_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'pip install "cookiegate\[postgres\]"'):
        open_storage(Settings(data_dir=tmp_path, database_url="postgresql://user@host/db"))


def test_the_uri_may_name_several_hosts_and_its_own_deadlines() -> None:
    line = read_uri("postgresql://user@one:5432,two:5433/db?connect_timeout=9&sslmode=require")
    assert "host=one,two" in line
    assert "connect_timeout=9" in line
    assert "target_session_attrs=read-write" in line

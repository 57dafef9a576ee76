"""The embedded engine: the contract, and what only SQLite can get wrong."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from support.engines import sqlite_only

from contract.storage_contract import StorageContract, a_decision, a_policy
from cookiegate.errors import SettingsError, StorageError
from cookiegate.settings import Settings, read_settings
from cookiegate.storage.contract import NoticeRow, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.patience import Patience
from cookiegate.storage.sqlite import refuse_unsafe_build
from cookiegate.storage.tables_all import metadata

pytestmark = sqlite_only("tests/contract/test_postgres.py holds the other engine to the same contract")


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    opened: list[Storage] = []

    def open_again() -> Storage:
        patience = Patience(whole_s=60.0)  # a hundred threads, on a busy machine
        opened.append(open_storage(Settings(data_dir=tmp_path), patience=patience))
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
def database(storage: Storage, tmp_path: Path) -> Iterator[pysqlite3.Connection]:
    connection = pysqlite3.connect(str(tmp_path / "cookiegate.db"), isolation_level=None)
    yield connection
    connection.close()


class TestSqlite(StorageContract):
    """The contract on SQLite."""


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 51, 2)])
def test_a_build_that_may_lose_commits_stops_the_start(version: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"3\.51\.3"):
        refuse_unsafe_build(version)


def test_the_build_in_use_is_safe() -> None:
    refuse_unsafe_build(pysqlite3.sqlite_version_info)


def test_triggers_that_nobody_here_made_stop_the_start(
    storage: Storage, database: pysqlite3.Connection, reopen: Callable[[], Storage]
) -> None:
    database.execute("CREATE TRIGGER quiet AFTER INSERT ON revocations BEGIN DELETE FROM revocations; END")
    with pytest.raises(SettingsError, match=r"triggers .*'quiet'"):
        reopen()


def test_commits_are_synced_to_a_write_ahead_log(storage: Storage) -> None:
    connection = storage._connect()
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    connection.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE policies SET document = x'00'", "DELETE FROM policies", "DELETE FROM notices"]
)
def test_published_policies_cannot_be_changed_even_by_hand(
    storage: Storage, database: pysqlite3.Connection, statement: str
) -> None:
    storage.policies.add(a_policy(), [NoticeRow("a" * 64, "demo", 1, "ja", b"{}")])
    with pytest.raises(pysqlite3.IntegrityError, match="immutable"):
        database.execute(statement)


def test_a_locked_record_is_refused_within_seconds_and_heals(storage: Storage, database: pysqlite3.Connection) -> None:
    storage.ping()
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageError) as refused:
        storage.write(lambda transaction: transaction.append_decision(a_decision()))
    assert "locked" not in refused.value.detail  # the driver's words stay inside
    database.execute("ROLLBACK")
    storage.write(lambda transaction: transaction.append_decision(a_decision()))
    assert storage.count_decisions("demo") == 1


def test_threads_that_write_together_share_commits(storage: Storage, tmp_path: Path) -> None:
    commits: list[int] = []
    committer = storage._committer
    commit = committer.commit
    committer.commit = lambda: (commits.append(1), commit())[1]  # type: ignore[method-assign]
    gate = threading.Barrier(40)

    def write(number: int) -> None:
        gate.wait()
        storage.write(lambda transaction: transaction.append_decision(a_decision(f"{number:03d}")))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.count_decisions("demo") == 40
    assert len(commits) < 40


def test_the_migrations_make_the_schema_that_the_code_knows(storage: Storage, tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'cookiegate.db'}", module=pysqlite3)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_record_is_for_its_user_alone(storage: Storage, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "cookiegate.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("uri", ["postgres", "mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_an_unusable_uri_stops_the_start_and_names_the_setting(uri: str, tmp_path: Path) -> None:
    settings = read_settings({"COOKIEGATE_DATABASE_URL": uri}, data_dir=tmp_path)
    with pytest.raises(SettingsError, match="COOKIEGATE_DATABASE_URL"):
        open_storage(settings)

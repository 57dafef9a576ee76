"""Migrating a record that others work on, on both engines; what older programs do with a newer record."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa
from support.postgres import fresh_database

from contract.storage_contract import a_decision
from cookiegate.errors import SettingsError, StorageError
from cookiegate.settings import Settings
from cookiegate.storage import postgres_migrating, sqlite, upgrading
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.postgres_lines import LOCKS, MIGRATION, connect, read_uri
from cookiegate.storage.postgres_migrating import migrate_server
from cookiegate.storage.revisions import MIGRATIONS
from cookiegate.storage.sqlite import engine_of, migrate_file
from cookiegate.storage.tables_schema import schema_changes

LATER = Path(__file__).parents[1] / "support" / "migrations"
FIRST_THAT_SAYS = "0009"


class Place:
    """A record that is opened by several programs; ``uri`` names it."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.uri = fresh_database(migrated=False) if engine == "postgresql" else f"sqlite:///{folder / 'record.db'}"
        self.settings = Settings(data_dir=folder, database_url=self.uri)
        self.opened: list[Storage] = []

    def open(self) -> Storage:
        """As a program of this version does."""
        self.opened.append(open_storage(self.settings))
        return self.opened[-1]

    def migrate(self, name: str) -> None:
        """As a newer program does, with one more migration."""
        if self.uri.startswith("sqlite"):
            migrate_file(engine_of(self.uri), LATER / name)
        else:
            migrate_server(read_uri(self.uri), LATER / name)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path, request.param)
    yield place
    for storage in place.opened:
        storage.close()


def test_many_that_start_at_once_migrate_once(place: Place) -> None:
    gate, errors = threading.Barrier(6), list[Exception]()

    def start() -> None:
        gate.wait()
        try:
            place.open()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [row["revision"] for row in place.opened[0].read(sa.select(schema_changes))] == [FIRST_THAT_SAYS]


def test_older_programs_go_on_without_a_fault_while_a_newer_one_migrates(place: Place) -> None:
    storage = place.open()
    storage.vault.new_key()
    stopped, faults, written = threading.Event(), list[Exception](), list[str]()

    def keep(name: str) -> Iterator[Callable[[], object]]:
        number = 0
        while not stopped.is_set():
            number += 1
            row_id = f"{name}-{number}"
            yield lambda: storage.write(
                lambda transaction: transaction.append_decision(a_decision(row_id)),  # noqa: B023  run at once
                side_by_side=True,
            )
            yield lambda: storage.decision(row_id)  # noqa: B023  run at once
            written.append(row_id)

    def work(name: str) -> None:
        try:
            for act in keep(name):
                act()
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    place.migrate("side_by_side")
    at_migration = len(written)
    while len(written) < at_migration + 20 and not faults:
        stopped.wait(0.01)
    again = place.open()  # an older program that starts only now
    again.write(lambda transaction: transaction.append_decision(a_decision("again")))
    stopped.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert {row.id for row in storage.decisions("demo")} == {*written, "again"}


def test_a_record_that_is_too_new_is_refused(place: Place) -> None:
    place.open()
    place.migrate("breaking")
    with pytest.raises(SettingsError, match="schema broken by a newer version"):
        place.open()


def test_whoever_waits_too_long_for_another_that_migrates_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_migrating, "PATIENCE_S", 0.3)
    monkeypatch.setattr(sqlite, "PATIENCE_S", 0.3)
    if place.uri.startswith("sqlite"):
        other = pysqlite3.connect(str(tmp_path / "record.db"), isolation_level=None)
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
    else:
        other = connect(read_uri(place.uri))
        other.execute(f"SELECT pg_advisory_lock({LOCKS}, {MIGRATION})")
    with pytest.raises(StorageError, match="another process"):
        place.open()
    other.close()
    assert place.open().policies.sites() == []


def test_a_migration_that_fails_half_way_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no power")

    with monkeypatch.context() as patch:
        patch.setattr(upgrading, "_note_change", fail)  # after the last of many
        with pytest.raises(RuntimeError, match="no power"):
            place.open()
    assert place.open().policies.sites() == []


def test_every_migration_says_whether_older_programs_can_live_with_it() -> None:
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert path.name.startswith(f"{module.revision}_")
        if module.revision >= FIRST_THAT_SAYS:
            assert isinstance(module.side_by_side, bool), path.name

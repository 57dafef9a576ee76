"""Units of work that share a commit on SQLite: what one of them does to the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import sqlalchemy as sa
from contract.storage_contract import a_consent, a_decision, an_entry

from cookiegate.errors import StorageError
from cookiegate.storage import tables
from cookiegate.storage.contract import AnswerRow, StatusSlot
from cookiegate.storage.group_commit import BatchLostError
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.sqlite_writing import ROWS_MAX, SqliteCommitter, SqliteTransaction
from cookiegate.storage.vault import Vault

ANSWER = AnswerRow("demo", b"k" * 32, b"b" * 32, "first", 5)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(f"sqlite:///{tmp_path / 'record.db'}", Vault.open(tmp_path))
    assert storage.vault.new_key() == 1
    yield storage
    storage.close()


@pytest.fixture
def batch(storage: SqliteStorage) -> SqliteCommitter:
    """One commit, begun."""
    committer = storage._committer
    committer.begin()
    return committer


def refuse(unit: SqliteTransaction) -> None:
    """Writes in every way, and changes its mind."""
    unit.append_decision(a_decision("refused"))
    unit.put_consent(a_consent(b"r" * 32))
    unit.execute(sa.insert(tables.shreds).values(key_id=7))
    unit.append_entry(an_entry("refused too"))
    unit.revoke(StatusSlot(1, 9), "demo", "s" * 22, 2, 5)
    raise ValueError("no")


def test_a_unit_that_fails_takes_nothing_of_its_neighbours_along(storage: SqliteStorage, batch: Any) -> None:
    batch.run(lambda unit: unit.append_decision(a_decision("before")))
    with pytest.raises(ValueError, match="no"):
        batch.run(refuse)
    batch.run(lambda unit: unit.append_decision(a_decision("later")))
    batch.commit()
    assert [row.id for row in storage.decisions("demo")] == ["before", "later"]
    assert storage.entries() == []
    assert storage.revocations() == []
    assert storage.read(sa.select(tables.shreds)) == []
    assert storage.find_consent("demo", b"r" * 32) is None


def test_a_later_unit_sees_what_is_kept_back(batch: Any) -> None:
    batch.run(
        lambda unit: (
            unit.append_decision(a_decision("first")),
            unit.put_consent(a_consent()),
            unit.claim_answer(ANSWER),
        )
    )

    def look(unit: SqliteTransaction) -> tuple[object, ...]:
        kept = unit.find_decision("first"), unit.find_consent("demo", b"h" * 32), unit.claim_answer(ANSWER)
        written = unit.decisions_of_key(1), unit.consents_of_key(1)
        return *kept, *written

    assert batch.run(look) == (a_decision("first"), a_consent(), ANSWER, [a_decision("first")], [a_consent()])
    batch.commit()


def test_an_erasure_reaches_what_was_kept_back_before_it(storage: SqliteStorage, batch: Any) -> None:
    batch.run(lambda unit: (unit.append_decision(a_decision("gone")), unit.put_consent(a_consent())))
    batch.run(lambda unit: unit.erase_key(1))
    batch.commit()
    found = storage.decision("gone")
    assert found is not None
    assert found.is_erased
    assert storage.find_consent("demo", b"h" * 32) is None


def test_the_ledger_keeps_the_order_of_the_units(storage: SqliteStorage, batch: Any) -> None:
    batch.run(lambda unit: unit.append_decision(a_decision("first")))
    batch.run(lambda unit: unit.append_entry(an_entry("second")))
    batch.run(lambda unit: unit.append_decision(a_decision("third")))
    batch.commit()
    waiting = storage.read(sa.select(tables.unsealed).order_by(tables.unsealed.c.sequence))
    assert [row["entry_id"] for row in waiting] == ["first", "second", "third"]


@pytest.mark.parametrize("count", [1, ROWS_MAX, ROWS_MAX + 1, 3 * ROWS_MAX + 5])
def test_any_number_of_rows_goes_in_one_commit(storage: SqliteStorage, batch: Any, count: int) -> None:
    for number in range(count):
        batch.run(lambda unit, number=number: unit.append_decision(a_decision(f"{number:03d}")))
    batch.commit()
    assert [row.id for row in storage.decisions("demo")] == [f"{number:03d}" for number in range(count)]


def test_the_same_id_twice_in_a_commit_is_refused_to_the_second(storage: SqliteStorage, batch: Any) -> None:
    batch.run(lambda unit: unit.append_decision(a_decision("same")))
    with pytest.raises(StorageError, match="contradicts"):
        batch.run(lambda unit: unit.append_decision(a_decision("same")))
    batch.commit()
    assert storage.count_decisions("demo") == 1


def test_a_row_that_contradicts_the_record_loses_the_commit_and_nothing_else(
    storage: SqliteStorage, batch: Any
) -> None:
    batch.run(lambda unit: unit.append_decision(a_decision("there")))
    batch.commit()
    batch.begin()
    batch.run(lambda unit: unit.append_decision(a_decision("neighbour")))
    batch.run(lambda unit: unit.append_decision(a_decision("there")))
    with pytest.raises(BatchLostError):
        batch.commit()
    batch.abandon()
    storage.write(lambda transaction: transaction.append_decision(a_decision("neighbour")))
    assert [row.id for row in storage.decisions("demo")] == ["neighbour", "there"]


def test_a_slot_taken_behind_a_savepoint_that_is_undone_is_taken_again(storage: SqliteStorage, batch: Any) -> None:
    def take_late(unit: SqliteTransaction) -> None:
        unit.execute(sa.insert(tables.shreds).values(key_id=7))
        unit.allocate_slot()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        batch.run(take_late)
    assert storage.status_lists() == []
    slots = {batch.run(lambda unit: unit.allocate_slot()) for _ in range(300)}
    batch.commit()
    assert len(slots) == 300
    assert len(storage.status_lists()) == 1


def test_the_log_is_taken_over_beside_the_writer(storage: SqliteStorage, tmp_path: Path) -> None:
    for number in range(50):
        storage.write(lambda transaction, number=number: transaction.append_decision(a_decision(f"{number:03d}")))
    storage.tidy()
    copy = tmp_path / "copy.db"
    copy.write_bytes((tmp_path / "record.db").read_bytes())  # without the log
    connection = pysqlite3.connect(str(copy))
    assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (50,)
    connection.close()

"""What of a consent lies in clear is as the ledger tells, after restrictions, lifts and restores; all else is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support.keeping import Keeping

from cookiegate.ledger.entries import record_entry
from cookiegate.rights.copies.confirming import confirm_again
from cookiegate.storage.contract import WriteTransaction
from cookiegate.storage.tables import consents

YEARS_MS = 3 * 365 * 86_400_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    bench = Keeping(tmp_path / "data")
    yield bench
    bench.close()


def faults(bench: Keeping) -> list[str]:
    """What is found of consents, in its own words; there is nothing else."""
    bench.seal()
    found = bench.verify().findings.kept
    assert {finding.code for finding in found} <= {"consent_differs"}
    return [finding.detail for finding in found]


def change(bench: Keeping, key_id: int, **columns: Any) -> None:
    """Writes into the table by hand."""
    update = sa.update(consents).where(consents.c.key_id == key_id).values(**columns)
    bench.storage.write(lambda transaction: transaction.execute(update))


def restrict(bench: Keeping, key_id: int) -> None:
    bench.clock.advance(1)
    bench.restriction.restrict("demo", key_id, by="self")


def lift(bench: Keeping, key_id: int) -> None:
    bench.clock.advance(1)
    bench.restriction.lift("demo", key_id, by="self")


def test_every_way_of_a_consent_verifies(bench: Keeping) -> None:
    people = [bench.decide() for _ in range(6)]
    keys = [decided.row.key_id for decided in people]
    for key_id in keys[1:]:
        restrict(bench, key_id)
    for key_id in keys[2:4]:
        lift(bench, key_id)
    restrict(bench, keys[3])
    bench.decide("withdraw", people[4].handle)
    lift(bench, keys[4])
    bench.decide("accept", people[5].handle)
    assert faults(bench) == []


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"restricted": False}, "its restriction was taken away"),
        ({"epoch": consents.c.epoch + 1}, "its epoch is 3, and the ledger tells of 2"),
        ({"epoch": consents.c.epoch - 1}, "its epoch is 1, and the ledger tells of 2"),
        ({"epoch": consents.c.epoch + 1_000}, "its epoch is 1002, and the ledger tells of 2"),
        ({"decided_at_ms": consents.c.decided_at_ms + YEARS_MS}, "its time is another than the decision's"),
        ({"status_list": 1, "status_index": 77}, "its status index is not the one that it was given"),
    ],
)
def test_a_change_of_a_restricted_consent_is_found(bench: Keeping, columns: dict[str, Any], fault: str) -> None:
    given = bench.decide()
    restrict(bench, given.row.key_id)
    assert faults(bench) == []
    change(bench, given.row.key_id, **columns)
    assert faults(bench) == [fault]


def test_a_restriction_that_nobody_asked_for_is_found(bench: Keeping) -> None:
    given = bench.decide()
    change(bench, given.row.key_id, restricted=True)
    assert faults(bench) == ["it is restricted, and nobody asked for that"]


def test_another_index_is_found_where_it_was_given_by_a_decision_and_where_by_a_lift(bench: Keeping) -> None:
    given, lifted = bench.decide(), bench.decide()
    restrict(bench, lifted.row.key_id)
    lift(bench, lifted.row.key_id)
    assert faults(bench) == []
    for decided in (given, lifted):
        change(bench, decided.row.key_id, status_index=consents.c.status_index + 1)
    assert faults(bench) == ["its status index is not the one that it was given"] * 2


def test_a_lift_by_a_program_that_did_not_record_the_index_verifies(bench: Keeping) -> None:
    given = bench.decide()
    restrict(bench, given.row.key_id)

    def work(transaction: WriteTransaction) -> None:
        (row,) = transaction.consents_of_key(given.row.key_id)
        slot, epoch = transaction.allocate_slot(), row.epoch + 1
        transaction.put_consent(replace(row, restricted=False, slot=slot, epoch=epoch))
        facts: dict[str, Any] = {"kind": "restriction_lifted", "site": "demo", "at_ms": bench.clock.now_ms() + 1}
        body = {"epoch": epoch, "request": None, "by": "self"}
        record_entry(transaction, **facts, body=body, key_id=row.key_id)

    bench.storage.write(work)
    bench.clock.advance(1)
    assert faults(bench) == []
    change(bench, given.row.key_id, status_list=None, status_index=None)
    assert faults(bench) == ["its status index is not the one that it was given"]


def test_epochs_that_a_restore_moved_on_verify_when_the_ledger_tells_of_it(bench: Keeping) -> None:
    given, restricted, withdrawn = bench.decide(), bench.decide(), bench.decide()
    restrict(bench, restricted.row.key_id)
    bench.decide("withdraw", withdrawn.handle)
    confirm_again(bench.storage, bench.clock)
    assert len(faults(bench)) == 3
    bench.note("restore", size=3)
    assert faults(bench) == []
    restrict(bench, given.row.key_id)
    lift(bench, given.row.key_id)
    bench.decide("accept", restricted.handle)
    assert faults(bench) == []

"""What every engine of the record must do. A subclass brings ``storage`` and, if it can, ``reopen``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
import sqlalchemy as sa

from cookiegate.errors import CookiegateError, StorageError
from cookiegate.ledger.ids import new_id
from cookiegate.storage import tables
from cookiegate.storage.contract import (
    STATUS_LIST_SIZE,
    AnswerRow,
    ConsentRow,
    DecisionRow,
    EntryRow,
    NoticeRow,
    PolicyRow,
    StatusSlot,
    Storage,
    WriteTransaction,
)


class RefusedError(CookiegateError):
    """A unit of work changed its mind."""

    code = "refused"


def a_decision(
    row_id: str | None = None, site: str = "demo", sub: str | None = "s" * 22, key_id: int = 1
) -> DecisionRow:
    slot = StatusSlot(1, 7) if sub else None
    return DecisionRow(
        row_id or new_id(1), site, key_id, sub, 1, b'{"a":1}', b"s" * 16, b"l" * 32, slot, 1_795_000_000_000
    )


def a_consent(handle: bytes = b"h" * 32, epoch: int = 1, purposes: str = "analytics") -> ConsentRow:
    slot = StatusSlot(1, 7)
    return ConsentRow("demo", handle, 1, "s" * 22, epoch, 1, purposes, "device language", slot, "d" * 36, 5)


def an_entry(row_id: str, key_id: int | None = None) -> EntryRow:
    return EntryRow(row_id, "hold", "demo", key_id, b'{"b":2}', b"t" * 16, b"m" * 32, 5)


def a_policy(version: int = 1, site: str = "demo") -> PolicyRow:
    return PolicyRow(site, version, f"{version:064x}", b"{}", version == 1, 1, 1_795_000_000_000 + version)


class StorageContract:
    """The shared tests."""

    def test_a_decision_is_there_after_the_write(self, storage: Storage) -> None:
        row = a_decision()
        storage.write(lambda transaction: transaction.append_decision(row))
        assert storage.decisions("demo") == [row]
        assert storage.count_decisions("demo") == 1
        assert storage.count_decisions("other") == 0

    def test_an_acknowledged_decision_survives_a_new_start(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        row = a_decision()
        storage.write(lambda transaction: transaction.append_decision(row))
        storage.close()
        again = reopen()
        assert again.decisions("demo") == [row]

    def test_a_refusal_has_neither_subject_nor_slot(self, storage: Storage) -> None:
        row = a_decision(sub=None)
        storage.write(lambda transaction: transaction.append_decision(row))
        assert storage.decisions("demo")[0].sub is None
        assert storage.decisions("demo")[0].slot is None

    def test_the_same_id_twice_is_refused_and_changes_nothing(self, storage: Storage) -> None:
        row = a_decision()
        storage.write(lambda transaction: transaction.append_decision(row))
        with pytest.raises(StorageError):
            storage.write(lambda transaction: transaction.append_decision(row))
        assert storage.decisions("demo") == [row]

    def test_a_consent_is_found_by_its_handle_alone(self, storage: Storage) -> None:
        storage.write(lambda transaction: transaction.put_consent(a_consent()))
        assert storage.find_consent("demo", b"h" * 32) == a_consent()
        assert storage.find_consent("demo", b"x" * 32) is None
        assert storage.find_consent("other", b"h" * 32) is None

    def test_a_newer_consent_replaces_the_older(self, storage: Storage) -> None:
        storage.write(lambda transaction: transaction.put_consent(a_consent()))
        storage.write(lambda transaction: transaction.put_consent(a_consent(epoch=2, purposes="")))
        found = storage.find_consent("demo", b"h" * 32)
        assert found is not None
        assert (found.epoch, found.is_granted) == (2, False)

    def test_a_unit_that_fails_leaves_nothing_and_no_scratch_on_its_neighbours(self, storage: Storage) -> None:
        def write_then_refuse(transaction: WriteTransaction) -> None:
            transaction.append_decision(a_decision("refused"))
            raise RefusedError("changed my mind")

        with pytest.raises(RefusedError):
            storage.write(write_then_refuse)
        storage.write(lambda transaction: transaction.append_decision(a_decision("kept")))
        assert [row.id for row in storage.decisions("demo")] == ["kept"]

    def test_a_unit_sees_what_it_wrote(self, storage: Storage) -> None:
        def work(transaction: WriteTransaction) -> tuple[object, ...]:
            transaction.append_decision(a_decision("seen"))
            transaction.put_consent(a_consent())
            claimed = transaction.claim_answer(AnswerRow("demo", b"k" * 32, b"b" * 32, "seen", 5))
            return (
                transaction.find_decision("seen"),
                transaction.find_consent("demo", b"h" * 32),
                claimed,
                transaction.claim_answer(AnswerRow("demo", b"k" * 32, b"x" * 32, "later", 6)),
            )

        assert storage.write(work) == (
            a_decision("seen"),
            a_consent(),
            None,
            AnswerRow("demo", b"k" * 32, b"b" * 32, "seen", 5),
        )

    def test_a_hundred_threads_lose_nothing(self, storage: Storage) -> None:
        ids = [f"{number:04d}" for number in range(400)]
        errors: list[Exception] = []

        def write(mine: list[str]) -> None:
            for row_id in mine:
                try:
                    storage.write(lambda transaction, row_id=row_id: transaction.append_decision(a_decision(row_id)))
                except Exception as error:
                    errors.append(error)

        threads = [threading.Thread(target=write, args=(ids[start::100],)) for start in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert [row.id for row in storage.decisions("demo")] == ids

    def test_one_thread_s_failure_is_its_own(self, storage: Storage) -> None:
        outcomes: dict[int, object] = {}

        def write(number: int) -> None:
            def work(transaction: WriteTransaction) -> int:
                transaction.append_decision(a_decision(f"{number:03d}"))
                if number % 3 == 0:
                    raise RefusedError("no")
                return number

            try:
                outcomes[number] = storage.write(work)
            except RefusedError as error:
                outcomes[number] = error

        threads = [threading.Thread(target=write, args=(number,)) for number in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {number for number, outcome in outcomes.items() if outcome == number} == {
            number for number in range(60) if number % 3
        }
        assert storage.count_decisions("demo") == 40

    def test_status_slots_are_unique_and_not_neighbours(self, storage: Storage) -> None:
        slots = [storage.write(lambda transaction: transaction.allocate_slot()) for _ in range(300)]
        assert len(set(slots)) == 300
        assert all(0 <= slot.index < STATUS_LIST_SIZE for slot in slots)
        assert sum(abs(a.index - b.index) == 1 for a, b in pairwise(slots)) < 3
        assert storage.status_lists() == [(slots[0].list_id, STATUS_LIST_SIZE)]

    def test_a_slot_of_an_undone_unit_is_never_anothers(self, storage: Storage) -> None:
        slots = []

        def take_then_refuse(transaction: WriteTransaction) -> None:
            slots.append(transaction.allocate_slot())
            raise RefusedError("no")

        for _ in range(3):
            with pytest.raises(RefusedError):
                storage.write(take_then_refuse)
            slots += [storage.write(lambda transaction: transaction.allocate_slot()) for _ in range(3)]
        kept = [slot for number, slot in enumerate(slots) if number % 4]
        assert len(set(kept)) == len(kept)

    def test_revocations_come_in_order_after_a_sequence(self, storage: Storage) -> None:
        for number in range(3):
            storage.write(lambda transaction, n=number: transaction.revoke(StatusSlot(1, n), "demo", "s" * 22, n, 5))
        found = storage.revocations()
        assert [revocation.slot.index for revocation in found] == [0, 1, 2]
        assert storage.revocations(found[1].sequence) == found[2:]
        assert storage.revocations(0, limit=1) == found[:1]
        assert storage.revocation(found[1].sequence) == found[1]
        assert storage.revocation(found[-1].sequence + 1) is None
        assert storage.read_history() == storage.history

    def test_numbers_go_on_above_one_that_was_given_by_hand(self, storage: Storage) -> None:
        table, facts = tables.revocations, {"status_list": 1, "status_index": 1, "site": "", "epoch": 0}
        by_hand = sa.insert(table).values(sequence=1_000, revoked_at_ms=5, **facts)
        storage.write(lambda transaction: transaction.execute(by_hand))
        for number in (1_000, 5):
            storage.go_on_after(table.c.sequence, number)
            storage.write(lambda transaction: transaction.revoke(StatusSlot(1, 2), "demo", "s" * 22, 1, 5))
        assert [revocation.sequence for revocation in storage.revocations()] == [1_000, 1_001, 1_002]

    def test_a_policy_is_published_with_its_notices(self, storage: Storage) -> None:
        notice = NoticeRow("a" * 64, "demo", 1, "ja", b"{}")
        before = storage.policies.revision()
        storage.policies.add(a_policy(), [notice])
        assert storage.policies.latest("demo") == a_policy()
        assert storage.policies.version("demo", 1) == a_policy()
        assert storage.policies.notices("demo", 1) == [notice]
        assert storage.policies.notice_version("demo", "a" * 64) == 1
        assert storage.policies.notice_version("other", "a" * 64) is None
        assert storage.policies.sites() == ["demo"]
        assert storage.policies.revision() > before

    def test_a_published_version_is_never_replaced(self, storage: Storage) -> None:
        storage.policies.add(a_policy(), [])
        with pytest.raises(StorageError):
            storage.policies.add(a_policy(), [NoticeRow("b" * 64, "demo", 1, "en", b"{}")])
        assert storage.policies.notices("demo", 1) == []

    def test_the_newest_version_wins(self, storage: Storage) -> None:
        storage.policies.add(a_policy(1), [])
        storage.policies.add(a_policy(2), [])
        storage.policies.add(a_policy(1, "another"), [])
        assert storage.policies.latest("demo") == a_policy(2)
        assert storage.policies.sites() == ["another", "demo"]

    def test_nothing_is_found_in_an_empty_record(self, storage: Storage) -> None:
        assert storage.policies.latest("demo") is None
        assert storage.policies.version("demo", 1) is None
        assert storage.policies.sites() == []
        assert storage.policies.revision() == 0
        assert storage.artifact("0" * 64) is None
        assert storage.revocations() == []

    def test_an_artifact_is_kept_once(self, storage: Storage) -> None:
        storage.keep_artifact("d" * 64, "demo", "widget/1/ja", b"code")
        storage.keep_artifact("d" * 64, "demo", "widget/1/ja", b"code")
        assert storage.artifact("d" * 64) == b"code"

    def test_old_answers_are_forgotten(self, storage: Storage) -> None:
        rows = [AnswerRow("demo", bytes([number]) * 32, b"b" * 32, "x", number) for number in range(3)]
        for row in rows:
            assert storage.write(lambda transaction, row=row: transaction.claim_answer(row)) is None
        assert storage.forget_answers(2) == 2
        assert storage.write(lambda transaction: transaction.claim_answer(rows[2])) == rows[2]
        assert storage.write(lambda transaction: transaction.claim_answer(rows[1])) is None

    def test_hostile_text_is_only_text(self, storage: Storage) -> None:
        hostile = "'; DROP TABLE decisions; --\x00\u202e"
        storage.write(lambda transaction: transaction.append_decision(a_decision(site=hostile)))
        assert storage.find_consent(hostile, b"h" * 32) is None
        assert storage.count_decisions(hostile) == 1

    def test_what_is_decided_waits_for_its_place_in_the_ledger(self, storage: Storage) -> None:
        storage.write(lambda transaction: transaction.append_decision(a_decision("first")))
        storage.write(lambda transaction: transaction.append_entry(an_entry("second")))
        waiting = storage.read(sa.select(tables.unsealed).order_by(tables.unsealed.c.sequence))
        assert [(row["entry_id"], row["kind"]) for row in waiting] == [("first", 0), ("second", 1)]

    def test_an_entry_is_found_again_with_and_without_a_key(self, storage: Storage) -> None:
        open_entry, personal = an_entry("open"), an_entry("personal", key_id=1)
        for row in (open_entry, personal):
            storage.write(lambda transaction, row=row: transaction.append_entry(row))
        assert storage.entry("open") == open_entry
        assert storage.entries(kind="hold") == [open_entry, personal]
        assert storage.entries(kind="erasure") == []
        assert storage.entry("none") is None

    def test_decisions_are_found_by_subject_and_by_time(self, storage: Storage) -> None:
        other = storage.vault.new_key()
        rows = [a_decision(new_id(at), key_id=key) for at, key in ((1_000, 1), (2_000, other), (3_000, 1))]
        for row in rows:
            storage.write(lambda transaction, row=row: transaction.append_decision(row))
        assert storage.decisions_of_key(1) == [rows[0], rows[2]]
        assert storage.write(lambda transaction: transaction.decisions_of_key(other)) == [rows[1]]
        assert storage.decisions_between(1_000, 3_000) == rows[:2]
        assert storage.decisions_between(0, 9_000, after=rows[0].id, limit=1) == [rows[1]]
        assert storage.decisions_between(0, 9_000, site="other") == []
        assert storage.decision(rows[1].id) == rows[1]

    def test_an_erased_subject_leaves_leaves_and_nothing_else(self, storage: Storage) -> None:
        other = storage.vault.new_key()

        def fill(transaction: WriteTransaction) -> None:
            transaction.append_decision(a_decision("gone"))
            transaction.append_entry(an_entry("gone too", key_id=1))
            transaction.put_consent(a_consent())
            transaction.append_decision(a_decision("stays", key_id=other))

        storage.write(fill)
        storage.write(lambda transaction: transaction.erase_key(1))
        assert storage.shred() == 1
        assert storage.shred() == 0
        gone, entry = storage.decision("gone"), storage.entry("gone too")
        assert gone is not None
        assert (gone.is_erased, gone.record, gone.salt, gone.sub) == (True, b"", b"", None)
        assert gone.leaf == a_decision().leaf
        assert entry is not None
        assert entry.is_erased
        assert storage.consents_of_key(1) == []
        assert storage.find_consent("demo", b"h" * 32) is None
        assert storage.decision("stays") == a_decision("stays", key_id=other)
        with pytest.raises(StorageError, match="destroyed"):
            storage.write(lambda transaction: transaction.append_decision(a_decision("never")))

    def test_a_destroyed_key_is_enough(self, storage: Storage) -> None:
        storage.write(lambda transaction: transaction.append_decision(a_decision("gone")))
        storage.write(lambda transaction: transaction.put_consent(a_consent()))
        storage.vault.destroy([1])  # as for a restored backup: the payloads are there, the key is not
        found = storage.decision("gone")
        assert found is not None
        assert found.is_erased
        assert storage.find_consent("demo", b"h" * 32) is None
        assert storage.consents_of_key(1) == []

    def test_an_interrupted_shredding_is_finished_at_the_next_start(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        storage.write(lambda transaction: transaction.erase_key(1))
        storage.close()
        assert not reopen().vault.holds(1)

    def test_any_statement_shares_the_transaction(self, storage: Storage) -> None:
        def work(transaction: WriteTransaction) -> None:
            transaction.execute(sa.insert(tables.shreds).values(key_id=7))
            assert transaction.execute(sa.select(tables.shreds)) == [{"key_id": 7}]
            raise RefusedError("no")

        with pytest.raises(RefusedError):
            storage.write(work)
        assert storage.read(sa.select(tables.shreds).where(tables.shreds.c.key_id.in_([7, 8]))) == []

    def test_one_holder_leads_at_a_time(self, storage: Storage) -> None:
        assert storage.lease("sealer", "a", 60)
        assert not storage.lease("sealer", "b", 60)
        assert storage.lease("sealer", "a", -1)
        assert storage.lease("sealer", "b", 60)
        assert storage.lease("purger", "a", 60)

    def test_a_lead_from_before_the_clock_was_set_back_is_nobodys(self, storage: Storage) -> None:
        assert storage.lease("sealer", "a", 3_600)
        assert storage.lease("sealer", "b", 10)
        assert not storage.lease("sealer", "a", 10)

    def test_a_ready_record_answers_a_ping(self, storage: Storage) -> None:
        storage.ping()

"""PostgreSQL with several writers: two records opened on one database, as two processes do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from support.policies import demo_policy
from support.postgres import database_of
from support.waiting import until

from contract.storage_contract import a_consent, a_decision
from cookiegate.clock import SystemClock
from cookiegate.consent.deciding import Decided, Decider, DecisionRequest
from cookiegate.consent.ids import hash_handle
from cookiegate.errors import CookiegateError, StorageError
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.keyfile import open_ledger_key
from cookiegate.ledger.sealing import Sealer
from cookiegate.ledger.verifying import verify
from cookiegate.policy.publishing import PolicyBook, publish
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.restriction import Restriction, record_lifted
from cookiegate.storage import tables
from cookiegate.storage.contract import AnswerRow, StatusSlot, WriteTransaction
from cookiegate.storage.postgres import PostgresStorage
from cookiegate.storage.postgres_batches import BatchCommitter, MeetingError
from cookiegate.storage.postgres_writing import BEGIN_SHARED
from cookiegate.storage.tables_deliveries import stream_events
from cookiegate.storage.vault import Vault

THREADS = 8


class Node:
    """What one process has of the record."""

    def __init__(self, folder: Path) -> None:
        self.storage = PostgresStorage.open(database_of(folder), Vault.open(folder))
        self.clock = SystemClock()
        self.revoked: list[tuple[StatusSlot, str, int]] = []
        if self.storage.policies.latest("demo") is None:
            publish(self.storage, demo_policy(), self.clock)
        self.book = PolicyBook(self.storage, self.clock)
        self.decider = Decider(self.storage, b"h" * 32, self._hear, self.clock, record_lifted)
        self.erasure = Erasure(self.storage, self._hear, self.clock)
        self.restriction = Restriction(self.storage, self._hear, self.clock)

    def _hear(self, slot: StatusSlot, sub: str, epoch: int) -> None:
        self.revoked.append((slot, sub, epoch))

    def decide(self, key: str, action: Any = "accept", handle: str | None = None) -> Decided:
        notice = self.book.notice("demo", "en").sha256
        request = DecisionRequest(notice, action, f"key-{key}-of-a-test", handle=handle)
        return self.decider.decide(self.book.current("demo"), True, request)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    pair = Node(tmp_path), Node(tmp_path)
    yield pair
    for node in pair:
        node.storage.close()


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's transaction."""
    with psycopg.connect(database_of(tmp_path), autocommit=True) as connection:
        yield connection


def together(works: list[Callable[[], object]]) -> list[object]:
    """Runs works at the same time; returns what each returned or raised."""
    gate = threading.Barrier(len(works))
    outcomes: list[object] = [None] * len(works)

    def run(number: int) -> None:
        gate.wait()
        try:
            outcomes[number] = works[number]()
        except CookiegateError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def waits_for_a_lock(beside: psycopg.Connection[Any]) -> bool:
    found = beside.execute(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
        "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
    ).fetchall()
    return bool(found[0][0])


def a_claim(number: int) -> AnswerRow:
    return AnswerRow("demo", bytes([number]) * 32, b"b" * 32, f"{number}", 5)


def test_decisions_and_withdrawals_of_two_processes_are_all_kept_and_followed(nodes: tuple[Node, Node]) -> None:
    ended = threading.Event()
    followed: list[int] = []

    def follow() -> None:
        last_turn = False
        while not last_turn:
            last_turn = ended.is_set()
            while fresh := nodes[1].storage.revocations(followed[-1] if followed else 0):
                followed.extend(row.sequence for row in fresh)

    def visit(node: Node, other: Node, name: str) -> list[Decided]:
        decided = []
        for number in range(12):
            decided.append(node.decide(f"{name}-{number}"))
            decided.append(other.decide(f"{name}-{number}-again", handle=decided[-1].handle))
            decided.append(node.decide(f"{name}-{number}-never", "withdraw", decided[-1].handle))
        return decided

    follower = threading.Thread(target=follow)
    follower.start()
    pairs = [(nodes[0], nodes[1]), (nodes[1], nodes[0])]
    outcomes = together(
        [lambda p=pair, n=f"{at}-{n}": visit(*p, n) for at, pair in enumerate(pairs) for n in range(THREADS)]  # type: ignore[misc]
    )
    ended.set()
    follower.join()
    storage = nodes[0].storage
    decided: list[Decided] = [one for outcome in outcomes for one in outcome]  # type: ignore[attr-defined]
    assert {one.row.id for one in decided} == {row.id for row in storage.decisions("demo")}
    slots = [one.row.slot for one in decided if one.row.slot is not None]
    assert len(slots) == len(set(slots)) == 2 * THREADS * 12 * 2
    committed = [row["sequence"] for row in storage.read(sa.select(tables.revocations.c.sequence))]
    assert followed == sorted(committed)
    assert len(followed) == 2 * THREADS * 12 * 2
    assert {slot for node in nodes for slot, _, _ in node.revoked} == set(slots)
    waiting = storage.read(sa.select(tables.unsealed.c.entry_id))
    assert sorted(row["entry_id"] for row in waiting) == sorted(one.row.id for one in decided)


def test_one_submission_sent_to_both_a_hundred_times_is_one_decision(nodes: tuple[Node, Node]) -> None:
    outcomes = together([lambda n=number: nodes[n % 2].decide("the same") for number in range(100)])  # type: ignore[misc]
    assert {one.row for one in outcomes} == set(nodes[0].storage.decisions("demo"))  # type: ignore[attr-defined]
    assert nodes[1].storage.count_decisions("demo") == 1


def test_changes_of_one_consent_by_both_come_one_after_the_other(nodes: tuple[Node, Node]) -> None:
    handle = nodes[0].decide("first").handle
    works = [
        lambda n=number: nodes[n % 2].decide(f"change-{n}", handle=handle)  # type: ignore[misc]
        for number in range(16)
    ]
    outcomes = together(works)
    assert not [one for one in outcomes if isinstance(one, CookiegateError)]
    rows = nodes[0].storage.decisions("demo")
    consent = nodes[0].storage.find_consent("demo", hash_handle(str(handle)))
    assert consent is not None
    assert sorted(row.epoch for row in rows) == list(range(1, 18))
    assert consent.epoch == 17
    assert {row.slot for row in rows} - {slot for node in nodes for slot, _, _ in node.revoked} == {consent.slot}


def test_works_that_meet_step_aside_and_no_batch_waits_for_another(nodes: tuple[Node, Node]) -> None:
    first, second = (BatchCommitter(node.storage._lines, node.storage._slots, node.storage.vault) for node in nodes)
    first.begin()
    second.begin()
    assert first.run(lambda transaction: transaction.claim_answer(a_claim(1))) is None
    assert second.run(lambda transaction: transaction.claim_answer(a_claim(2))) is None
    for batch, number in ((first, 2), (second, 1)):
        with pytest.raises(MeetingError):
            batch.run(lambda transaction, n=number: transaction.claim_answer(a_claim(n)))
    first.commit()
    second.commit()
    claimed = nodes[0].storage.write(lambda transaction: transaction.claim_answer(a_claim(2)), side_by_side=True)
    assert claimed == a_claim(2)


def test_a_consent_that_another_changes_is_waited_for(nodes: tuple[Node, Node], beside: Any) -> None:
    storage = nodes[0].storage
    storage.vault.new_key()
    storage.write(lambda transaction: transaction.put_consent(a_consent()))
    beside.execute(BEGIN_SHARED)
    beside.execute("UPDATE consents SET epoch = 7")
    found: list[Any] = []
    work = threading.Thread(
        target=lambda: found.append(
            storage.write(lambda transaction: transaction.find_consent("demo", b"h" * 32), side_by_side=True)
        )
    )
    work.start()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until(lambda: beside.execute(waits).fetchall()[0][0] > 0)
    beside.execute("COMMIT")
    work.join()
    assert found[0].epoch == 7


def test_a_sequence_that_commits_late_is_not_passed_over(nodes: tuple[Node, Node], beside: Any) -> None:
    columns = "(status_list, status_index, site, sub, epoch, revoked_at_ms)"
    beside.execute(BEGIN_SHARED)
    beside.execute(f"INSERT INTO revocations {columns} VALUES (1, 1, 'demo', NULL, 1, 5)")
    storage = nodes[0].storage
    storage.write(lambda t: t.revoke(StatusSlot(1, 2), "demo", "s" * 22, 1, 5), side_by_side=True)
    found: list[int] = []
    follower = threading.Thread(target=lambda: found.extend(row.slot.index for row in storage.revocations()))
    follower.start()
    until(lambda: waits_for_a_lock(beside))
    beside.execute("COMMIT")
    follower.join()
    assert found == [1, 2]


def test_a_work_that_runs_alone_waits_for_those_side_by_side(nodes: tuple[Node, Node], beside: Any) -> None:
    beside.execute(BEGIN_SHARED)
    works = threading.Thread(target=lambda: nodes[0].storage.write(lambda t: t.append_decision(a_decision("alone"))))
    nodes[0].storage.vault.new_key()
    works.start()
    until(lambda: waits_for_a_lock(beside))
    assert nodes[1].storage.decision("alone") is None
    beside.execute("COMMIT")
    works.join()
    assert nodes[1].storage.decision("alone") is not None


def test_an_erasure_and_decisions_of_the_same_person_end_with_nothing_left(nodes: tuple[Node, Node]) -> None:
    for turn in range(6):
        first = nodes[0].decide(f"{turn}")
        key_id = first.row.key_id
        outcomes = together(
            [
                lambda k=key_id: nodes[0].erasure.erase(k, site="demo", by="self"),  # type: ignore[misc]
                lambda t=turn, h=first.handle: nodes[1].decide(f"{t}-change", "reject", h),  # type: ignore[misc]
                lambda t=turn, h=first.handle: nodes[0].decide(f"{t}-again", "accept", h),  # type: ignore[misc]
            ]
        )
        assert not [one for one in outcomes if isinstance(one, CookiegateError) and not isinstance(one, StorageError)]
        storage = nodes[0].storage
        assert not storage.vault.holds(key_id)
        assert storage.consents_of_key(key_id) == []
        assert all(row.is_erased for row in storage.decisions_of_key(key_id))
        ended = {(row.slot.list_id, row.slot.index) for row in storage.revocations()}
        granted = [row.slot for row in storage.decisions_of_key(key_id) if row.slot is not None]
        assert {(slot.list_id, slot.index) for slot in granted} <= ended


def test_a_grant_that_lifts_a_restriction_runs_alone_and_tells_the_streams(nodes: tuple[Node, Node]) -> None:
    first = nodes[0].decide("first")
    nodes[0].restriction.restrict("demo", first.row.key_id, by="self")
    again = nodes[1].decide("again", handle=first.handle)
    storage = nodes[0].storage
    assert [row["stream"] for row in storage.read(sa.select(stream_events.c.stream))] == ["suspend", "resume"]
    kinds = [json.loads(row.record)["epoch"] for row in storage.entries(kind="restriction_lifted")]
    assert kinds == [again.row.epoch]
    assert nodes[1].decide("again", handle=first.handle).row == again.row


def test_a_unit_that_contradicts_the_record_fails_alone(nodes: tuple[Node, Node]) -> None:
    storage = nodes[0].storage
    key_id = storage.vault.new_key()

    def append(row_id: str) -> Callable[[], object]:
        def work(transaction: WriteTransaction) -> str:
            transaction.append_decision(a_decision(row_id, key_id=key_id))
            return row_id

        return lambda: storage.write(work, side_by_side=True)

    append("taken")()
    outcomes = together([append("taken"), *(append(f"new {number}") for number in range(20))])
    assert isinstance(outcomes[0], StorageError)
    assert outcomes[1:] == [f"new {number}" for number in range(20)]
    assert storage.count_decisions("demo") == 21


def test_two_processes_take_different_slots_and_open_one_list_together(nodes: tuple[Node, Node]) -> None:
    def take(node: Node) -> list[StatusSlot]:
        return [node.storage.write(lambda t: t.allocate_slot(), side_by_side=True) for _ in range(40)]

    outcomes = together([lambda n=number: take(nodes[n % 2]) for number in range(2 * THREADS)])  # type: ignore[misc]
    slots = [slot for taken in outcomes for slot in taken]  # type: ignore[attr-defined]
    assert len(set(slots)) == len(slots) == 2 * THREADS * 40
    assert len(nodes[0].storage.status_lists()) == 1


def test_processes_that_publish_the_same_policy_at_once_agree(nodes: tuple[Node, Node]) -> None:
    changed = demo_policy(ask_again_days=31)
    outcomes = together(
        [lambda n=number: publish(nodes[n % 2].storage, changed, nodes[0].clock).version for number in range(8)]  # type: ignore[misc]
    )
    assert outcomes == [2] * 8


def test_two_sealers_beside_decisions_of_both_make_one_sound_ledger(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    signer = open_ledger_key(tmp_path, "consent.example.jp/ledger", is_begun=False)
    sealers = [Sealer(node.storage, signer, node.clock, batch_max=20) for node in nodes]
    ended = threading.Event()

    def seal(sealer: Sealer) -> None:
        while not ended.is_set():
            sealer.run()

    threads = [threading.Thread(target=seal, args=(sealer,)) for sealer in sealers]
    for thread in threads:
        thread.start()
    together(
        [lambda n=number: [nodes[n % 2].decide(f"{n}-{turn}") for turn in range(15)] for number in range(THREADS)]  # type: ignore[misc]
    )
    ended.set()
    for thread in threads:
        thread.join()
    sealers[0].run()
    verified = verify(DatabaseSource(nodes[0].storage), signer.verifier, now_ms=nodes[0].clock.now_ms())
    assert not verified.findings
    assert verified.size == nodes[0].storage.count_decisions("demo") == 15 * THREADS

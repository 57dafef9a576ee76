"""Sealing: contiguous, complete, never over damage, and one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import engines
from support.ledger import LedgerBench
from unit.ledger import naive

from cookiegate.errors import KeyFileError, LedgerDamagedError, NotFoundError, NotSealedYetError
from cookiegate.ledger.checkpoint import read_checkpoint
from cookiegate.ledger.keyfile import FILE, open_ledger_key
from cookiegate.ledger.sealing import LOOK_AGAIN_MS, Sealer
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.ledger.tree import verify_consistency, verify_inclusion
from cookiegate.storage.opening import open_storage
from cookiegate.storage.tables import checkpoints, positions, unsealed


def order(bench: LedgerBench) -> list[str]:
    rows = bench.storage.read(sa.select(positions).order_by(positions.c.position))
    assert [row["position"] for row in rows] == list(range(len(rows)))
    return [row["entry_id"] for row in rows]


def tamper(bench: LedgerBench, statement: str, *values: Any) -> None:
    engines.change(bench.folder, statement, *values)


def test_entries_are_sealed_in_the_order_in_which_they_were_recorded(bench: LedgerBench) -> None:
    first = [row.id for row in bench.decide_many(3)]
    note = bench.note()
    assert bench.seal() == 4
    second = [row.id for row in bench.decide_many(2)]
    assert bench.seal() == 2
    assert order(bench) == [*first, note, *second]
    assert bench.storage.read(sa.select(unsealed)) == []
    assert not bench.verify().findings


def test_nothing_to_seal_signs_nothing(bench: LedgerBench) -> None:
    assert bench.sealer.seal() is None
    with pytest.raises(NotSealedYetError):
        bench.ledger.checkpoint()
    bench.decide_many(1)
    sealed = bench.sealer.seal()
    assert sealed is not None
    assert bench.sealer.seal() is None
    assert bench.ledger.checkpoint() == sealed.checkpoint.note


def test_the_root_is_that_of_the_leaves(bench: LedgerBench) -> None:
    leaves = [row.leaf for row in bench.decide_many(9)]
    bench.seal()
    checkpoint = read_checkpoint(bench.ledger.checkpoint(), bench.verifier)
    assert (checkpoint.size, checkpoint.root) == (9, naive.root(leaves))


def test_a_backlog_is_sealed_in_bounded_batches(bench: LedgerBench) -> None:
    bench.decide_many(10)
    sealer = Sealer(bench.storage, bench.signer, bench.clock, batch_max=4)
    counts = [sealed.count for sealed in (sealer.seal(), sealer.seal(), sealer.seal()) if sealed]
    assert counts == [4, 4, 2]
    bench.decide_many(9)
    assert sealer.run() == 9
    assert not bench.verify().findings


def test_every_entry_can_be_proved_and_every_tree_continues_the_one_before(bench: LedgerBench) -> None:
    rows, heads = [], []
    for count in (1, 5, 2):
        rows += bench.decide_many(count)
        bench.seal()
        heads.append(read_checkpoint(bench.ledger.checkpoint(), bench.verifier))
    for row in rows:
        proof = bench.ledger.proof(row.id)
        assert verify_inclusion(row.leaf, proof.index, proof.size, proof.path, heads[-1].root)
        assert proof.leaf == row.leaf
    for old in heads:
        path = bench.ledger.consistency(old.size, heads[-1].size)
        assert verify_consistency(old.size, heads[-1].size, old.root, heads[-1].root, path)


def test_what_is_not_sealed_yet_is_told_from_what_is_unknown(bench: LedgerBench) -> None:
    row = bench.decide().row
    with pytest.raises(NotSealedYetError):
        bench.ledger.proof(row.id)
    with pytest.raises(NotFoundError):
        bench.ledger.proof("01900000-0000-7000-8000-000000000000")
    bench.seal()
    assert bench.ledger.proof(row.id).index == 0


def test_an_erased_entry_keeps_its_place(bench: LedgerBench) -> None:
    """Erased before it is sealed, and after."""
    rows = bench.decide_many(4)
    bench.erase(rows[1].key_id)
    bench.seal()
    bench.erase(rows[3].key_id)
    bench.seal()
    assert order(bench)[:4] == [row.id for row in rows]
    verified = bench.verify()
    assert (verified.erased, verified.findings.lines) == (2, [])
    proof = bench.ledger.proof(rows[3].id)
    assert verify_inclusion(rows[3].leaf, proof.index, proof.size, proof.path, proof.root)


DAMAGES: list[tuple[str, str]] = [
    ("a payload", "UPDATE decisions SET sealed = zeroblob(200) WHERE id = (SELECT max(id) FROM decisions)"),
    ("a leaf", "UPDATE decisions SET leaf = zeroblob(32) WHERE id = (SELECT max(id) FROM decisions)"),
    ("a row", "DELETE FROM decisions WHERE id = (SELECT max(id) FROM decisions)"),
    ("a column", "UPDATE decisions SET key_id = 77 WHERE id = (SELECT max(id) FROM decisions)"),
    ("a tile", "UPDATE ledger_tiles SET hashes = zeroblob(64)"),
    ("a tile that is gone", "DELETE FROM ledger_tiles"),
    ("a checkpoint's root", "UPDATE checkpoints SET root = zeroblob(32)"),
    ("a checkpoint's note", "UPDATE checkpoints SET note = replace(note, 'consent', 'consent2')"),
    ("a checkpoint that is gone", "DELETE FROM checkpoints"),
    ("a position", "DELETE FROM positions WHERE position = 1"),
]


@pytest.mark.parametrize(("what", "statement"), DAMAGES, ids=[what for what, _ in DAMAGES])
def test_s34_nothing_is_signed_over_damage(bench: LedgerBench, what: str, statement: str) -> None:
    bench.decide_many(2)
    bench.seal()
    bench.decide_many(2)
    tamper(bench, statement)
    kept = bench.storage.read(sa.select(checkpoints))
    for _ in range(2):
        with pytest.raises(LedgerDamagedError):
            bench.sealer.seal()
    assert isinstance(bench.sealer.damage, LedgerDamagedError)
    assert bench.storage.read(sa.select(checkpoints)) == kept
    assert bench.verify().findings


def test_sealing_goes_on_when_the_record_is_whole_again(bench: LedgerBench) -> None:
    bench.decide_many(1)
    bench.seal()
    row = bench.decide().row
    tamper(bench, "UPDATE decisions SET leaf = ? WHERE id = ?", bytes(32), row.id)
    with pytest.raises(LedgerDamagedError):
        bench.sealer.run()
    tamper(bench, "UPDATE decisions SET leaf = ? WHERE id = ?", row.leaf, row.id)
    assert bench.sealer.run() == 0, "it does not look again at once"
    bench.clock.advance(LOOK_AGAIN_MS / 1000)
    assert bench.sealer.run() == 1
    assert bench.sealer.damage is None
    assert not bench.verify().findings


def test_a_record_that_went_back_is_not_sealed_over(bench: LedgerBench) -> None:
    bench.decide_many(2)
    bench.seal()
    for table in ("checkpoints", "positions", "ledger_tiles"):
        tamper(bench, f"DELETE FROM {table}")
    bench.decide_many(1)
    with pytest.raises(LedgerDamagedError, match="went back"):
        bench.sealer.seal()


def test_another_key_does_not_go_on_with_the_ledger(bench: LedgerBench) -> None:
    bench.decide_many(1)
    bench.seal()
    bench.decide_many(1)
    other = Sealer(bench.storage, NoteSigner.generate(bench.verifier.name), bench.clock)
    with pytest.raises(LedgerDamagedError):
        other.seal()
    with pytest.raises(LedgerDamagedError):
        other.check()


def all_at_once(works: list[Callable[[], object]]) -> None:
    start, failures = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def until_done(bench: LedgerBench, sealer: Sealer, total: int) -> None:
    while bench.ledger.state().size < total:
        sealer.seal()


def test_two_sealers_of_one_process_neither_fork_nor_assign_twice(bench: LedgerBench) -> None:
    bench.decide_many(60)
    sealers = [Sealer(bench.storage, bench.signer, bench.clock, batch_max=3) for _ in range(3)]
    all_at_once([lambda sealer=sealer: until_done(bench, sealer, 60) for sealer in sealers])
    assert len(order(bench)) == 60
    assert not bench.verify().findings


def test_sealers_on_two_connections_to_one_file_neither_fork_nor_assign_twice(bench: LedgerBench) -> None:
    """As two processes would: each has a record of its own on the same file, while decisions come in."""
    other_storage = open_storage(bench.settings)
    other = Sealer(other_storage, bench.signer, bench.clock, batch_max=4)
    mine = Sealer(bench.storage, bench.signer, bench.clock, batch_max=3)
    bench.decide_many(20)
    all_at_once(
        [lambda: until_done(bench, mine, 60), lambda: until_done(bench, other, 60), lambda: bench.decide_many(40)]
    )
    other_storage.close()
    assert len(set(order(bench))) == 60
    assert not bench.verify().findings


def test_the_key_is_made_once_and_keeps_its_name(tmp_path: Path) -> None:
    made = open_ledger_key(tmp_path, "one.example/ledger", is_begun=False)
    again = open_ledger_key(tmp_path, "two.example/ledger", is_begun=True)
    assert made.verifier == again.verifier
    file = tmp_path / "keys" / FILE
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"PRIVATE+KEY+x", b"\xff\xfe", b"{}"])
def test_a_garbled_key_stops_the_start(tmp_path: Path, content: bytes) -> None:
    open_ledger_key(tmp_path, "one.example/ledger", is_begun=False)
    (tmp_path / "keys" / FILE).write_bytes(content)
    with pytest.raises(KeyFileError, match=FILE):
        open_ledger_key(tmp_path, "one.example/ledger", is_begun=True)


def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    open_ledger_key(tmp_path, "one.example/ledger", is_begun=False)
    (tmp_path / "keys" / FILE).chmod(0o640)
    with pytest.raises(KeyFileError, match="0640"):
        open_ledger_key(tmp_path, "one.example/ledger", is_begun=True)


def test_a_lost_key_is_not_replaced_while_the_ledger_has_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="missing"):
        open_ledger_key(tmp_path, "one.example/ledger", is_begun=True)

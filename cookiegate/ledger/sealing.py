"""Sealing: what was recorded gets its place in the tree, and the tree a new signed checkpoint.

Everything is computed anew from the stored payloads before anything is signed: one flipped bit that was signed would
spoil the log for good. (That is how the certificate log Yeti2022 ended.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import LedgerDamagedError, RecordDamagedError
from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.hashing import leaf_hash
from cookiegate.ledger.rows import LedgerRow, load_unsealed
from cookiegate.ledger.signed_note import NoteSigner, NoteVerifier
from cookiegate.ledger.stored import StoredCheckpoint, count_positions, last_checkpoint, newest_checkpoint, tile_reader
from cookiegate.ledger.tree import Tree
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables import checkpoints, ledger_tiles, positions, unsealed

BATCH_MAX = 1_024
#: Most batches of one turn, so that a long backlog is sealed in pieces and a stop is heard.
BATCHES_PER_TURN = 16
LOOK_AGAIN_MS = 5_000
#: The lead that a service takes to seal.
SEAL_LEASE = "seal"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch that was sealed: how many entries, and the checkpoint that covers them."""

    count: int
    checkpoint: StoredCheckpoint


@dataclass(slots=True)
class _Batch:
    """What one transaction will write, computed outside it."""

    before: StoredCheckpoint | None
    waiting: list[tuple[int, str]]
    after: StoredCheckpoint
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return self.before.size if self.before else 0


class Sealer:
    """Seals batches. Several may run, in threads or processes: one batch wins, the others find nothing left to do.

    Args:
        storage: the record.
        signer: the ledger's key.
        clock: dates checkpoints.
        batch_max: most entries of one batch.
    """

    def __init__(self, storage: Storage, signer: NoteSigner, clock: Clock, *, batch_max: int = BATCH_MAX) -> None:
        self._storage = storage
        self._signer = signer
        self._clock = clock
        self._batch_max = batch_max
        self._alone = threading.Lock()
        self._signed_size = 0
        self._damage: RecordDamagedError | None = None
        self._look_again_ms = 0

    @property
    def damage(self) -> RecordDamagedError | None:
        """Why nothing is sealed any more; None while all is well. It goes when the record is whole again."""
        return self._damage

    @property
    def verifier(self) -> NoteVerifier:
        """The key that its checkpoints are checked with."""
        return self._signer.verifier

    def run(self) -> int:
        """One turn of the background work: seals what waits, batch by batch; returns how many entries.

        While the ledger is damaged it looks again every few seconds only.

        Raises:
            RecordDamagedError, StorageError: as for :meth:`seal`.
        """
        count = 0
        if self._damage is not None and self._clock.now_ms() < self._look_again_ms:
            return count
        for _ in range(BATCHES_PER_TURN):
            sealed = self.seal()
            count += sealed.count if sealed else 0
            if sealed is None or sealed.count < self._batch_max:
                break
        return count

    def seal(self) -> Sealed | None:
        """Seals the oldest entries that wait, at most one batch.

        Returns:
            What was sealed; None if nothing waits, or if another sealer was quicker.

        Raises:
            RecordDamagedError: a payload, a page, a tile or the last checkpoint is not what was written; nothing was
                signed. What contradicts the tree is a LedgerDamagedError.
            StorageError: the record cannot be written now; a retry is safe.
        """
        with self._alone:
            try:
                return self._seal()
            except RecordDamagedError as error:
                self._note_damage(error)
                raise

    def check(self) -> None:
        """Compares the stored tree with its last checkpoint, without sealing.

        Raises:
            RecordDamagedError: they disagree, or cannot be read.
        """
        with self._alone:
            try:
                self._read_tree()
            except RecordDamagedError as error:
                self._note_damage(error)
                raise
            self._damage = None

    def _note_damage(self, error: RecordDamagedError) -> None:
        self._damage = error
        self._look_again_ms = self._clock.now_ms() + LOOK_AGAIN_MS

    def _seal(self) -> Sealed | None:
        waiting = load_unsealed(self._storage, self._batch_max)
        if not waiting:
            if self._damage is not None:
                self._read_tree()
                self._damage = None
            return None
        batch = self._prepare(waiting)
        if not self._storage.write(_writing(batch)):
            return None
        self._signed_size, self._damage = batch.after.size, None
        return Sealed(len(waiting), batch.after)

    def _prepare(self, waiting: list[tuple[int, LedgerRow]]) -> _Batch:
        leaves = [leaf_of(row) for _, row in waiting]
        before, frontier = self._read_tree()
        frontier.push(leaves)
        root = frontier.root()
        note = sign_checkpoint(self._signer, frontier.size, root)
        after = StoredCheckpoint(frontier.size, root, note, self._clock.now_ms())
        return _Batch(before, [(sequence, row.id) for sequence, row in waiting], after, frontier.take_changed())

    def _read_tree(self) -> tuple[StoredCheckpoint | None, Frontier]:
        """The tree as it is stored, after it was seen to be what was signed last."""
        storage, before = self._storage, last_checkpoint(self._storage)
        size = before.size if before else 0
        if size < self._signed_size:
            raise LedgerDamagedError(f"the record went back: size {self._signed_size} was signed, it holds {size}")
        if count_positions(storage) != size and self._is_still(before):
            raise LedgerDamagedError(f"the positions do not end where the last checkpoint does, at {size}")
        read = tile_reader(storage)
        if before is not None:
            before.check(self._signer.verifier)
            if Tree(size, read).root() != before.root:
                raise LedgerDamagedError(f"the stored tree is not the one that was signed at size {size}")
        return before, Frontier(size, read)

    def _is_still(self, before: StoredCheckpoint | None) -> bool:
        """Whether no other sealer moved on while this one was reading."""
        return last_checkpoint(self._storage) == before


def leaf_of(row: LedgerRow) -> bytes:
    """The leaf of a stored entry, computed anew; that of an erased one as it was kept.

    Raises:
        LedgerDamagedError: the payload is not there, or not the one that the leaf was made of.
    """
    if row.state == "erased":
        return row.leaf
    if row.state != "whole" or leaf_hash(row.salt, row.record) != row.leaf:
        raise LedgerDamagedError(f"the record of {row.name} is not what was written", entry=row.id)
    return row.leaf


def _writing(batch: _Batch) -> Callable[[WriteTransaction], bool]:
    """The unit of work that writes a batch, if nothing moved since it was computed."""

    def write(transaction: WriteTransaction) -> bool:
        if not _still_holds(transaction, batch):
            return False
        _assign_positions(transaction, batch)
        _put_tiles(transaction, batch)
        after = batch.after
        transaction.execute(
            checkpoints.insert().values(
                size=after.size, root=after.root, note=after.note, sealed_at_ms=after.sealed_at_ms
            )
        )
        transaction.execute(unsealed.delete().where(unsealed.c.sequence <= batch.waiting[-1][0]))
        return True

    return write


def _still_holds(transaction: WriteTransaction, batch: _Batch) -> bool:
    newest = transaction.execute(newest_checkpoint())
    if (StoredCheckpoint.read(newest[0]) if newest else None) != batch.before:
        return False
    columns = (unsealed.c.sequence, unsealed.c.entry_id)
    query = sa.select(*columns).where(unsealed.c.sequence <= batch.waiting[-1][0]).order_by(unsealed.c.sequence)
    return [(row["sequence"], row["entry_id"]) for row in transaction.execute(query)] == batch.waiting


def _assign_positions(transaction: WriteTransaction, batch: _Batch) -> None:
    # One statement inside the database, however large the batch: others wait for this transaction.
    number = sa.func.row_number().over(order_by=unsealed.c.sequence) + (batch.first - 1)
    chosen = sa.select(number, unsealed.c.entry_id, unsealed.c.kind).where(unsealed.c.sequence <= batch.waiting[-1][0])
    transaction.execute(positions.insert().from_select(["position", "entry_id", "kind"], chosen))


def _put_tiles(transaction: WriteTransaction, batch: _Batch) -> None:
    places = sa.tuple_(ledger_tiles.c.level, ledger_tiles.c.number)
    transaction.execute(ledger_tiles.delete().where(places.in_(list(batch.tiles))))
    rows = [{"level": level, "number": number, "hashes": hashes} for (level, number), hashes in batch.tiles.items()]
    transaction.execute(ledger_tiles.insert().values(rows))

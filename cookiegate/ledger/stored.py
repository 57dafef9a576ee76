"""What the record keeps of the sealed tree: tiles, checkpoints, positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cookiegate.errors import CheckpointError, LedgerDamagedError
from cookiegate.ledger.checkpoint import read_checkpoint
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.tiles import TileReader
from cookiegate.storage.contract import Record, Storage
from cookiegate.storage.tables import checkpoints, ledger_tiles, positions, unsealed


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A row of ``checkpoints``: the signed note, and what it says in columns."""

    size: int
    root: bytes
    note: str
    sealed_at_ms: int

    @classmethod
    def read(cls, columns: Record) -> StoredCheckpoint:
        """From a row by column name."""
        return cls(columns["size"], columns["root"], columns["note"], columns["sealed_at_ms"])

    def check(self, verifier: NoteVerifier) -> None:
        """Checks the signature, and that the columns say what was signed.

        Raises:
            LedgerDamagedError: they do not.
        """
        try:
            signed = read_checkpoint(self.note, verifier)
        except CheckpointError as error:
            raise LedgerDamagedError(f"the checkpoint of size {self.size} is not one that this log signed") from error
        if (signed.size, signed.root) != (self.size, self.root):
            raise LedgerDamagedError(f"the checkpoint of size {self.size} was signed for another size or root")


def newest_checkpoint() -> sa.Select[Any]:
    """The query for the newest checkpoint."""
    return sa.select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)


def last_checkpoint(storage: Storage) -> StoredCheckpoint | None:
    """The newest checkpoint; None before anything was sealed."""
    rows = storage.read(newest_checkpoint())
    return StoredCheckpoint.read(rows[0]) if rows else None


def checkpoints_after(storage: Storage, size: int, limit: int) -> list[StoredCheckpoint]:
    """At most ``limit`` checkpoints of trees larger than ``size``, smallest first."""
    query = sa.select(checkpoints).where(checkpoints.c.size > size).order_by(checkpoints.c.size).limit(limit)
    return [StoredCheckpoint.read(row) for row in storage.read(query)]


def tile_reader(storage: Storage) -> TileReader:
    """Reads stored tiles; a tile that is not there is empty."""

    def read(level: int, number: int) -> bytes:
        place = sa.and_(ledger_tiles.c.level == level, ledger_tiles.c.number == number)
        rows = storage.read(sa.select(ledger_tiles.c.hashes).where(place))
        return bytes(rows[0]["hashes"]) if rows else b""

    return read


def position_of(storage: Storage, entry_id: str) -> int | None:
    """Where an entry was sealed; None while it is not."""
    rows = storage.read(sa.select(positions.c.position).where(positions.c.entry_id == entry_id))
    return int(rows[0]["position"]) if rows else None


def is_waiting(storage: Storage, entry_id: str) -> bool:
    """Whether an entry is recorded and waits to be sealed."""
    return bool(storage.read(sa.select(unsealed.c.kind).where(unsealed.c.entry_id == entry_id).limit(1)))


def count_positions(storage: Storage) -> int:
    """One more than the last position that was assigned."""
    rows = storage.read(sa.select(sa.func.coalesce(sa.func.max(positions.c.position), -1).label("last")))
    return int(rows[0]["last"]) + 1


def count_unsealed(storage: Storage) -> tuple[int, str | None]:
    """How many entries wait to be sealed, and the id of the one that came first."""
    count = storage.read(sa.select(sa.func.count().label("waiting")).select_from(unsealed))[0]["waiting"]
    first = storage.read(sa.select(unsealed.c.entry_id).order_by(unsealed.c.sequence).limit(1))
    return int(count), first[0]["entry_id"] if first else None

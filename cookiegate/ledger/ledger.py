"""What the sealed ledger answers: its checkpoint, and proofs that anybody can check against it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from cookiegate.errors import InvalidInputError, NotFoundError, NotSealedYetError
from cookiegate.ledger.stored import (
    StoredCheckpoint,
    count_unsealed,
    is_waiting,
    last_checkpoint,
    position_of,
    tile_reader,
)
from cookiegate.ledger.tiles import HASH_BYTES, TileName, TileReader, width_at
from cookiegate.ledger.tree import Tree
from cookiegate.storage.contract import Storage


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry is in the tree of a checkpoint. ``path`` holds the hashes beside its way up, lowest first."""

    entry: str
    leaf: bytes
    index: int
    size: int
    root: bytes
    path: tuple[bytes, ...]
    checkpoint: str

    def document(self) -> dict[str, Any]:
        """As it is published: hashes of the path in base64, leaf and root in hex."""
        return {
            "entry": self.entry,
            "leaf": self.leaf.hex(),
            "index": self.index,
            "size": self.size,
            "root": self.root.hex(),
            "proof": [b64encode(part).decode() for part in self.path],
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How far sealing is. ``oldest_id`` is the id of the entry that waits longest."""

    size: int
    unsealed: int
    oldest_id: str | None


class Ledger:
    """Reads the sealed ledger.

    Args:
        storage: the record.
        read: reads tiles, for measuring; those of the record when not given.
    """

    def __init__(self, storage: Storage, read: TileReader | None = None) -> None:
        self._storage = storage
        self._read = read or tile_reader(storage)

    def checkpoint(self) -> str:
        """The newest checkpoint as a signed note.

        Raises:
            NotSealedYetError: nothing was sealed yet.
        """
        return self._newest().note

    def proof(self, entry_id: str) -> InclusionProof:
        """The proof that an entry is in the ledger.

        Args:
            entry_id: of a decision or of another entry.

        Raises:
            NotFoundError: no such entry.
            NotSealedYetError: it is recorded and will be sealed within a second.
            LedgerDamagedError: the stored tree lacks a tile.
        """
        # A position and the checkpoint over it are written together, so a checkpoint that is read later covers it.
        index = position_of(self._storage, entry_id)
        if index is None and is_waiting(self._storage, entry_id):
            raise NotSealedYetError("it is recorded and will be in the ledger in a moment; ask again", retry_after_s=1)
        index = position_of(self._storage, entry_id) if index is None else index
        if index is None:
            raise NotFoundError("the ledger has no such entry")
        newest = self._newest()
        tree = Tree(newest.size, self._read)
        path = tuple(tree.inclusion(index))
        return InclusionProof(entry_id, tree.leaf(index), index, newest.size, newest.root, path, newest.note)

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """The proof that the tree of ``old_size`` entries is a prefix of that of ``new_size``.

        Raises:
            InvalidInputError: the sizes are out of order, or beyond what was sealed.
        """
        size = self._newest().size
        if not 0 <= old_size <= new_size <= size:
            reason = f"needs 0 <= from <= to <= {size}, the size of the newest checkpoint"
            raise InvalidInputError("the sizes do not fit", errors={"from": [reason]})
        return Tree(new_size, self._read).consistency(old_size)

    def tile(self, name: TileName) -> bytes:
        """The hashes of a tile, if the newest checkpoint covers it.

        Raises:
            NotFoundError: there is no such tile yet.
        """
        newest = last_checkpoint(self._storage)
        if newest is None or width_at(newest.size, name.level, name.number) < name.width:
            raise NotFoundError("the tree is not large enough for this tile yet")
        return self._read(name.level, name.number)[: name.width * HASH_BYTES]

    def state(self) -> LedgerState:
        """How much is sealed and how much waits."""
        newest = last_checkpoint(self._storage)
        waiting, oldest_id = count_unsealed(self._storage)
        return LedgerState(newest.size if newest else 0, waiting, oldest_id)

    def _newest(self) -> StoredCheckpoint:
        newest = last_checkpoint(self._storage)
        if newest is None:
            raise NotSealedYetError("nothing is sealed yet; ask again in a moment", retry_after_s=1)
        return newest

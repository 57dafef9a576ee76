"""The Merkle tree over tiles: its root and its proofs from a few tile reads, and checking them without any tile.

Source: RFC 9162 section 2.1 (hashes, inclusion and consistency proofs); C2SP tlog-tiles (what is kept).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cookiegate.errors import LedgerDamagedError
from cookiegate.ledger.tiles import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, TileName, TileReader

EMPTY_ROOT = hashlib.sha256(b"").digest()
_NODE_PREFIX = b"\x01"


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(_NODE_PREFIX + left + right).digest()


def fold(hashes: list[bytes]) -> bytes:
    """The root of the complete subtree over ``hashes``; their number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[place], hashes[place + 1]) for place in range(0, len(hashes), 2)]
    return hashes[0]


class Tree:
    """A tree of ``size`` leaves. Each tile is read once, when it is first needed.

    Args:
        size: number of leaves; the tiles may belong to a larger tree that this one grew into.
        read: gives a tile's hashes.
    """

    def __init__(self, size: int, read: TileReader) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self) -> bytes:
        """The Merkle tree hash, 32 bytes.

        Raises:
            LedgerDamagedError: a tile lacks hashes that a tree of this size has; the same for the other methods.
        """
        return self._range(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """The leaf at ``index``, counted from 0."""
        return self.node(0, index)

    def inclusion(self, index: int) -> list[bytes]:
        """The inclusion proof of a leaf: the hashes beside its way up, lowest first.

        Raises:
            ValueError: the tree has no such leaf.
        """
        if not 0 <= index < self.size:
            raise ValueError("the tree has no such leaf")
        start, end, path = 0, self.size, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old_size: int) -> list[bytes]:
        """The proof that the tree of the first ``old_size`` leaves is a prefix of this one.

        Raises:
            ValueError: the older tree would be larger than this one.
        """
        if not 0 <= old_size <= self.size:
            raise ValueError("the older tree is larger than the newer one")
        return self._subproof(old_size, 0, self.size, known=True) if old_size else []

    def _subproof(self, old: int, start: int, end: int, *, known: bool) -> list[bytes]:
        """SUBPROOF of RFC 9162 section 2.1.4.1; ``known``: the verifier holds the root of the older part."""
        if old == end - start:
            return [] if known else [self._range(start, end)]
        middle = start + _split(end - start)
        if start + old <= middle:
            return [*self._subproof(old, start, middle, known=known), self._range(middle, end)]
        return [*self._subproof(old - (middle - start), middle, end, known=False), self._range(start, middle)]

    def node(self, height: int, index: int) -> bytes:
        """The root of the complete subtree of 2**height leaves that begins at leaf index · 2**height."""
        level, inner = divmod(height, TILE_HEIGHT)
        number, offset = divmod(index << inner, TILE_WIDTH)
        tile = self._tile(level, number)
        first, last = offset * HASH_BYTES, (offset + (1 << inner)) * HASH_BYTES
        if len(tile) < last:
            name = TileName(level, number).path
            raise LedgerDamagedError(f"ledger tile {name} is missing or too short", tile=name)
        return fold([tile[place : place + HASH_BYTES] for place in range(first, last, HASH_BYTES)])

    def _tile(self, level: int, number: int) -> bytes:
        tile = self._tiles.get((level, number))
        if tile is None:
            tile = self._tiles[level, number] = self._read(level, number)
        return tile

    def _range(self, start: int, end: int) -> bytes:
        """The Merkle tree hash of the leaves from ``start`` to before ``end``, a subtree of this tree."""
        count = end - start
        if count & (count - 1) == 0:
            return self.node(count.bit_length() - 1, start // count)
        middle = start + _split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))


def _split(count: int) -> int:
    """The largest power of two below ``count``, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that ``leaf`` is number ``index`` of the tree of ``size`` leaves with this ``root``.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(part, found)
            here, last = _climb(here, last)
        else:
            found = node_hash(found, part)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the older tree is a prefix of the newer one.

    Source: RFC 9162 section 2.1.4.2. The empty tree is a prefix of every tree.
    """
    if not 0 <= old_size <= new_size:
        return False
    if old_size in (0, new_size):
        return (
            not proof
            and (old_root == EMPTY_ROOT if old_size == 0 else True)
            and (old_root == new_root if old_size == new_size else True)
        )
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    return _agree(old_size - 1, new_size - 1, path, old_root, new_root)


def _agree(here: int, last: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(part, old), node_hash(part, new)
            here, last = _climb(here, last)
        else:
            new = node_hash(new, part)
        here, last = here >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _climb(here: int, last: int) -> tuple[int, int]:
    """Leaves the levels where the node on the right edge has no sibling."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last

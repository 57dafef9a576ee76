"""The right edge of a growing tree: takes leaves, gives the root at any moment and the tiles that changed.

One hash per leaf on average, and no more memory than the unfinished tiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from cookiegate.ledger.tiles import HASH_BYTES, TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, TileReader
from cookiegate.ledger.tree import EMPTY_ROOT, Tree, node_hash

Tiles = dict[tuple[int, int], bytes]


def _no_tile(level: int, number: int) -> NoReturn:
    raise AssertionError(f"an empty tree reads no tile, but {level}/{number} was asked for")


class Frontier:
    """A tree that grows.

    Args:
        size: number of leaves that it has already.
        read: gives the tiles of those; not needed for an empty tree.

    Raises:
        LedgerDamagedError: a tile lacks hashes that a tree of this size has.
    """

    def __init__(self, size: int = 0, read: TileReader = _no_tile) -> None:
        tree = Tree(size, read)
        self.size = size
        #: Roots of the complete subtrees that make up the tree, largest first: one for each bit of the size.
        self._peaks = [tree.node(height, (size >> height) - 1) for height in _bits(size)]
        self._open: dict[int, bytearray] = {}
        self._finished: Tiles = {}
        level, complete = 0, size
        while complete:
            number, width = divmod(complete, TILE_WIDTH)
            self._open[level] = bytearray(read(level, number)[: width * HASH_BYTES] if width else b"")
            level, complete = level + 1, number
        self._changed: set[int] = set()

    def push(self, leaves: Iterable[bytes]) -> None:
        """Appends leaves of 32 bytes, in order."""
        peaks, size = self._peaks, self.size
        for leaf in leaves:
            self._keep(0, size, leaf)
            height, rest, node = 0, size, leaf
            while rest & 1:
                node = node_hash(peaks.pop(), node)
                rest >>= 1
                height += 1
                if height % TILE_HEIGHT == 0:
                    self._keep(height // TILE_HEIGHT, rest, node)
            peaks.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The Merkle tree hash of what it holds now."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            root = node_hash(peak, root)
        return root

    def take_finished(self) -> Tiles:
        """The tiles that became full since this was asked last, by level and number."""
        finished, self._finished = self._finished, {}
        return finished

    def take_changed(self) -> Tiles:
        """Every tile that changed since this was asked last, full ones and those of the right edge."""
        changed = self.take_finished()
        for level in self._changed:
            if self._open[level]:
                changed[level, self._number(level)] = bytes(self._open[level])
        self._changed = set()
        return changed

    def unfinished(self) -> Tiles:
        """The tiles of the right edge that are not full."""
        return {(level, self._number(level)): bytes(tile) for level, tile in self._open.items() if tile}

    def _number(self, level: int) -> int:
        return self.size >> TILE_HEIGHT * (level + 1)

    def _keep(self, level: int, index: int, node: bytes) -> None:
        """Puts the ``index``-th hash of a level into its tile."""
        tile = self._open.get(level)
        if tile is None:
            tile = self._open[level] = bytearray()
        tile += node
        self._changed.add(level)
        if len(tile) == TILE_BYTES:
            self._finished[level, index // TILE_WIDTH] = bytes(tile)
            tile.clear()


def _bits(size: int) -> list[int]:
    """The heights of the complete subtrees in a tree of ``size`` leaves, highest first."""
    return [height for height in range(size.bit_length() - 1, -1, -1) if size >> height & 1]

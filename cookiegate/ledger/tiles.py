"""The geometry of a tree kept as tiles of height 8: which hashes lie in which tile, and how a tile's path is written.

Source: C2SP tlog-tiles. The n-th tile of level l holds the hashes of the complete subtrees of height 8·l that begin at
leaf n · 256^(l+1); at most 256 of them, 32 bytes each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cookiegate.errors import NotFoundError

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
LEVEL_MAX = 7  # 256 ** 8 leaves are more than any database counts

#: Reads a tile: level and number in, its hashes one after another out (for the right edge: those there are).
TileReader = Callable[[int, int], bytes]

_PATH = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LEVEL = re.compile(r"0|[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class TileName:
    """One tile. ``width`` is the number of its hashes: 256 when it is full, fewer at the right edge."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """What follows ``tile/`` in its address, such as ``0/x001/x234/067`` or ``1/000.p/17``."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        return f"{self.level}/{number}" + ("" if self.width == TILE_WIDTH else f".p/{self.width}")


def read_tile_path(level: str, path: str) -> TileName:
    """The tile that an address names.

    Args:
        level: the path element after ``tile/``.
        path: what follows it.

    Raises:
        NotFoundError: it is not written as tlog-tiles writes it.
    """
    found = _PATH.fullmatch(path)
    if not _LEVEL.fullmatch(level) or int(level) > LEVEL_MAX or found is None:
        raise NotFoundError(
            "there is no such tile; a tile is /ledger/tile/<level>/<number>, as C2SP tlog-tiles writes it"
        )
    name = TileName(int(level), int(found[1].replace("x", "").replace("/", "")), int(found[2] or TILE_WIDTH))
    if name.path != f"{level}/{path}":  # 256 as a partial width, leading groups of zeros: one tile has one address
        raise NotFoundError("there is no such tile; its number is written with as few digits as it needs")
    return name


def width_at(size: int, level: int, number: int) -> int:
    """How many hashes a tile holds in a tree of ``size`` leaves, 0 to 256."""
    complete = size >> TILE_HEIGHT * level
    return max(0, min(TILE_WIDTH, complete - number * TILE_WIDTH))


def tiles_at(size: int) -> Iterator[TileName]:
    """Every tile of a tree of ``size`` leaves."""
    for level in range(LEVEL_MAX + 1):
        complete = size >> TILE_HEIGHT * level
        for number in range(-(-complete // TILE_WIDTH)):
            yield TileName(level, number, width_at(size, level, number))

"""How the indices of a status list are handed out: a walk that visits each once and never a neighbour next."""

from __future__ import annotations

import math
import secrets
from typing import NamedTuple

from cookiegate.storage.contract import STATUS_LIST_SIZE, StatusSlot


class Walk(NamedTuple):
    """A row of ``status_lists``: the first ``used`` steps were given out."""

    list_id: int
    size: int
    used: int
    multiplier: int
    start: int

    def last(self, count: int) -> list[StatusSlot]:
        """The slots of the last ``count`` steps that were given out."""
        steps = range(self.used - count, self.used)
        return [StatusSlot(self.list_id, (self.multiplier * n + self.start) % self.size) for n in steps]


def new_walk() -> tuple[int, int, int]:
    """Size, multiplier and start of a new list; the multiplier is coprime to the size."""
    size = STATUS_LIST_SIZE
    multiplier = secrets.randbelow(size - 2) + 2
    while math.gcd(multiplier, size) != 1:
        multiplier += 1
    return size, multiplier, secrets.randbelow(size)

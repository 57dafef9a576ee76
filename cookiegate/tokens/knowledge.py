"""How fresh it is what a process knows of the record: gates that may have missed a withdrawal deny."""

from __future__ import annotations

import math
from collections.abc import Callable

from cookiegate.clock import seconds_awake_or_not

#: A withdrawal that was taken elsewhere is felt here within this time, or nothing passes here at all. Five seconds are
#: promised; the rest is for a clock that runs a little slower and a check that is under way.
SILENCE_MAX_S = 4.0


class Knowledge:
    """Until when what this process read from the record may be relied upon.

    Before ``demand`` it always may: where one process alone writes the record, it knows everything by itself.

    Args:
        now: seconds that only rise.
    """

    def __init__(self, now: Callable[[], float] = seconds_awake_or_not) -> None:
        self._now = now
        self._silence_max_s = math.inf
        self._until_s = math.inf

    def demand(self, silence_max_s: float = SILENCE_MAX_S) -> None:
        """From now on it goes stale when the record was not read whole for so long."""
        self._silence_max_s = silence_max_s
        self._until_s = self._now() + silence_max_s

    def begin(self) -> float:
        """The time at which reading begins: what is written later may be missed."""
        return self._now()

    def read_whole(self, began_s: float) -> None:
        """Everything that was written before ``began_s`` is known."""
        self._until_s = max(self._until_s, began_s + self._silence_max_s)

    @property
    def is_fresh(self) -> bool:
        """Whether it may be relied upon now."""
        return self._until_s == math.inf or self._now() < self._until_s

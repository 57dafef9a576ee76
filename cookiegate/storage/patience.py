"""Who waits for the record, and for how long: one that hangs must not take every thread with it.

A disk or a server that fails says so. One that hangs says nothing: whoever waits for it goes on waiting, and soon
nobody is left to serve what needs no record. So nobody waits longer than a moment, and some threads less than others.
"""

from __future__ import annotations

import math
import threading
import time

from cookiegate.errors import StorageError

OUT_OF_REACH = "the record cannot be reached now; nothing was kept, try again"
UNKNOWN = "the record does not answer now; whether this was kept is not known: send the same again, with the same key"
#: How long anybody waits for others to write, or for a line to a server.
PATIENCE_S = 2.0
#: Threads that are soon free again whatever the record does, and how long they wait for it.
RESERVED = 2
SHORT_PATIENCE_S = 0.5


class Patience:
    """Counts the threads that wait. Safe for threads.

    Args:
        threads: request threads of the process; None where nobody else is to be served.
        whole_s: how long they wait.
        short_s: how long the reserved ones do.
    """

    def __init__(
        self, threads: int | None = None, *, whole_s: float = PATIENCE_S, short_s: float = SHORT_PATIENCE_S
    ) -> None:
        self._count = math.inf if threads is None else max(1, threads - RESERVED)
        self._began: dict[int, float] = {}
        self._moved_s = 0.0
        self.whole_s = whole_s
        self._short_s = short_s

    def enter(self) -> float:
        """The calling thread begins to wait; :meth:`leave` ends that.

        Returns:
            For how many seconds it may.

        Raises:
            StorageError: so many wait that only the reserved threads are left, and for a while nothing has moved.
        """
        now_s, began = time.monotonic(), self._began
        is_crowded = len(began) >= self._count
        if is_crowded and self._stands_still(now_s - self._short_s):
            raise StorageError(OUT_OF_REACH)
        began[threading.get_ident()] = now_s
        return self._short_s if is_crowded else self.whole_s

    def leave(self) -> None:
        """It waits no longer, whatever came of it."""
        self._began.pop(threading.get_ident(), None)

    def moved(self) -> None:
        """The record answered somebody."""
        self._moved_s = time.monotonic()

    @property
    def is_inside(self) -> bool:
        """Whether the calling thread waits already."""
        return threading.get_ident() in self._began

    def _stands_still(self, since_s: float) -> bool:
        return self._moved_s < since_s and min(self._began.copy().values(), default=since_s) < since_s

"""A breaker: after a few bad calls nobody asks any more, until one try, for which nobody waits, has gone well."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES_MAX = 3
RETRY_AFTER_S = 1.0
SLOW_S = 0.1
CLOSED, HALF_OPEN, OPEN = "closed", "half-open", "open"


class Breaker:
    """Counts bad calls in a row: failed, or slower than ``slow_s``. Safe for threads.

    Args:
        failures_max: opens after this many. A call that came to its deadline opens it at once.
        retry_after_s: how long it stays open before a try.
        slow_s: a call that took longer was bad, although it succeeded.
        on_change: called with the new state.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        *,
        failures_max: int = FAILURES_MAX,
        retry_after_s: float = RETRY_AFTER_S,
        slow_s: float = SLOW_S,
        on_change: Callable[[str], None] = lambda state: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_max = failures_max
        self._retry_after_s = retry_after_s
        self._slow_s = slow_s
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._bad_in_a_row = 0
        self._opened_at_s = 0.0
        self.state = CLOSED

    @property
    def is_closed(self) -> bool:
        """Whether calls may go out."""
        return self.state is CLOSED

    def wants_try(self) -> bool:
        """Whether it is time for a try: true for one caller, which must report its outcome by ``tried``."""
        with self._lock:
            if self.state is not OPEN or self._clock() - self._opened_at_s < self._retry_after_s:
                return False
            self.state = HALF_OPEN
        self._on_change(HALF_OPEN)
        return True

    def tried(self, went_well: bool) -> None:
        """Closes after a good try, else opens again."""
        self._turn(CLOSED if went_well else OPEN)

    def succeeded(self, seconds: float) -> None:
        """A call came back."""
        if seconds > self._slow_s:
            self.failed()
        elif self._bad_in_a_row:
            self._bad_in_a_row = 0

    def failed(self, at_deadline: bool = False) -> None:
        """A call failed, was slow, or came to its deadline."""
        with self._lock:
            self._bad_in_a_row += 1
            opens = self.state is CLOSED and (at_deadline or self._bad_in_a_row >= self._failures_max)
        if opens:
            self._turn(OPEN)

    def _turn(self, state: str) -> None:
        with self._lock:
            changed, self.state = self.state is not state, state
            self._bad_in_a_row, self._opened_at_s = 0, self._clock()
        if changed:
            self._on_change(state)

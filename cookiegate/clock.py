"""The one source of time. Everything that needs *now* takes a clock, so that tests can freeze it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, as the system knows it."""
        return time.time_ns() // 1_000_000


class FrozenClock:
    """A clock that moves only when it is told to."""

    def __init__(self, at_ms: int = 1_795_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        """The time it was set to, in milliseconds since the epoch."""
        return self.at_ms

    def advance(self, seconds: float) -> None:
        """Moves the clock by ``seconds``; negative moves it back."""
        self.at_ms += int(seconds * 1000)


def seconds_awake_or_not() -> float:
    """Seconds that only rise, whoever sets the clock, and also while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def rfc3339(at_ms: int) -> str:
    """The instant as RFC 3339 text in UTC with milliseconds, such as ``2026-11-21T09:00:00.000Z``."""
    seconds, rest = divmod(at_ms, 1000)
    return f"{_whole_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=256)
def _whole_second(at_s: int) -> str:
    # Thousands of decisions share a second.
    return datetime.fromtimestamp(at_s, UTC).isoformat()[:19]

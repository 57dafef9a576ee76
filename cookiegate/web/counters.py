"""Rate-limit counters behind the interface of ``limits``: shared where that can be, else in this process's memory.

``limits``' own memory storage starts a thread a hundred times a second while it is used, and each walks through every
counter: measured, that costs 5 % of the decisions with one visitor, and more with many. Its Redis storage knows no
breaker and no deadline for a whole call, and asks three times where once will do.
"""

from __future__ import annotations

import threading

from limits.storage import Storage

from cookiegate.storage.cache.contract import Role, SharedCache, Window
from cookiegate.storage.cache.memory import MemoryCache

SCHEME = "cookiegate"


class _LastHit(threading.local):
    key = ""
    window = Window(0, 0.0)


class SharedCounters(Storage):
    """Fixed-window counters; ``cookiegate://`` in a storage URI.

    Args:
        uri: nothing but the scheme.
        cache: shares the counts; while it cannot, this process counts alone.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012  how limits registers a storage

    def __init__(self, uri: str | None = None, *, cache: SharedCache, wrap_exceptions: bool = False) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._own = cache if isinstance(cache, MemoryCache) else MemoryCache()
        self._shared = cache if cache.is_shared else None
        self._last = _LastHit()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong: nothing."""
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Adds to a counter and returns it; one that has expired starts again.

        Args:
            key: the counter.
            expiry: seconds from its first count to its end.
            amount: how much to add.
        """
        return self.count(key, expiry, amount).count

    def count(self, key: str, window_s: int, amount: int = 1) -> Window:
        """Adds to a counter and returns how it stands: :meth:`incr` without the detour through ``limits``."""
        shared = self._shared.count(key, window_s, amount) if self._shared is not None else None
        window = shared or self._own.count(key, window_s, amount)
        self._last.key, self._last.window = key, window
        return window

    def get(self, key: str) -> int:
        """A counter; for the one that this thread counted last, as it was then."""
        return self._window(key).count

    def get_expiry(self, key: str) -> float:
        """When its window ends, in seconds since 1970; ``limits`` asks after ``get``, and gets the same look."""
        return self.look(key).ends_at_s

    def look(self, key: str) -> Window:
        """A counter; the one that this thread counted last as it was then, once."""
        window = self._window(key)
        self._last.key = ""  # told once: the next request must not take this one's for its own
        return window

    def _window(self, key: str) -> Window:
        if self._last.key != key:
            shared = self._shared.counted(key) if self._shared is not None else None
            self._last.key, self._last.window = key, shared or self._own.counted(key)
        return self._last.window

    def check(self) -> bool:
        """There is always somewhere to count."""
        return True

    def reset(self) -> int | None:
        """Drops this process's counters; shared ones run out by themselves."""
        self._own.forget_counters()
        return None

    def clear(self, key: str) -> None:
        """Drops a counter."""
        self._own.forget(Role.COUNTERS, key)
        if self._shared is not None:
            self._shared.forget(Role.COUNTERS, key)

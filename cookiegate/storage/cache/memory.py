"""The engine of one process: used when no Redis is set, and in its place while it cannot be reached."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from cookiegate.storage.cache.contract import Role, Versioned, Window

SWEEP_EVERY_S = 1.0
COPIES_KEPT = 10_000


class MemoryCache:
    """Counters and copies in memory. Nobody else hears or leads here, so news go nowhere and leads are all granted."""

    is_shared = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._ends: dict[str, float] = {}
        self._swept_at_s = time.time()
        self._copies: OrderedDict[tuple[Role, str], tuple[Versioned, float]] = OrderedDict()

    def count(self, key: str, window_s: int, amount: int = 1) -> Window:
        """Adds to a counter; one whose window has ended begins anew."""
        now_s = time.time()
        with self._lock:
            if now_s - self._swept_at_s >= SWEEP_EVERY_S:
                self._sweep(now_s)
            if self._ends.get(key, 0) <= now_s:
                self._counts[key] = 0
                self._ends[key] = now_s + window_s
            self._counts[key] += amount
            return Window(self._counts[key], self._ends[key])

    def _sweep(self, now_s: float) -> None:
        self._swept_at_s = now_s
        for key in [key for key, ends_s in self._ends.items() if ends_s <= now_s]:
            self._ends.pop(key, None)
            self._counts.pop(key, None)

    def counted(self, key: str) -> Window:
        """A counter as it stands; nothing is counted in a window that has ended."""
        now_s = time.time()
        with self._lock:
            ends_s = self._ends.get(key, 0)
            return Window(self._counts.get(key, 0), ends_s) if ends_s > now_s else Window(0, now_s)

    def counters(self) -> int:
        """How many counters are held."""
        return len(self._counts)

    def forget_counters(self) -> None:
        """Drops every counter."""
        with self._lock:
            self._counts.clear()
            self._ends.clear()

    def forget(self, role: Role, key: str) -> None:
        """Drops a counter or a copy."""
        with self._lock:
            if role is Role.COUNTERS:
                self._counts.pop(key, None)
                self._ends.pop(key, None)
            self._copies.pop((role, key), None)

    def find(self, role: Role, key: str) -> Versioned | None:
        """A copy that has not expired."""
        with self._lock:
            item, ends_s = self._copies.get((role, key), (None, 0.0))
            return item if ends_s > time.monotonic() else None

    def keep(self, role: Role, key: str, item: Versioned, ttl_s: float) -> bool:
        """Keeps a copy unless a newer one is there; the oldest go when there are too many."""
        now_s = time.monotonic()
        with self._lock:
            held, ends_s = self._copies.get((role, key), (None, 0.0))
            if held is not None and ends_s > now_s and held.version > item.version:
                return False
            self._copies[role, key] = item, now_s + ttl_s
            self._copies.move_to_end((role, key))
            if len(self._copies) > COPIES_KEPT:
                self._copies.popitem(last=False)
            return True

    def lead(self, name: str, holder: str, ttl_s: float) -> bool | None:
        """None: this process alone cannot tell who leads."""
        return None

    def yield_lead(self, name: str, holder: str) -> None:
        """Nothing to give up."""

    def tell(self, message: bytes) -> bool:
        """Nobody hears."""
        return False

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """There is nothing to hear."""

    def close(self) -> None:
        """Nothing to let go of."""

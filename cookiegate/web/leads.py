"""Who leads a piece of background work.

Redis spares the record the questions of those who do not lead. Who leads also holds the record's lease, which decides.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from cookiegate.storage.cache.contract import SharedCache
from cookiegate.storage.contract import Storage

#: How long a process leads after it was last heard of; it renews at half of that.
LEAD_S = 10.0
#: Who is always told by Redis that another leads asks the record itself so often: a Redis that errs stops nothing.
ASK_RECORD_EVERY_S = 60.0


class Leads:
    """The leads of one process.

    Args:
        storage: keeps the leases.
        cache: answers those who do not lead.
        on_take: told of every answer, for operators.
    """

    def __init__(
        self, storage: Storage, cache: SharedCache, on_take: Callable[[str, bool], None] = lambda name, leads: None
    ) -> None:
        self._storage = storage
        self._cache = cache
        self._on_take = on_take
        self._holder = secrets.token_hex(8)
        self._asked_at_s: dict[str, float] = {}

    def take(self, name: str) -> bool:
        """Takes or renews a lead for ``LEAD_S``.

        Raises:
            StorageError: the record cannot tell.
        """
        leads = False
        try:
            leads = self._take(name)
        finally:
            self._on_take(name, leads)
        return leads

    def _take(self, name: str) -> bool:
        answer = self._cache.lead(name, self._holder, LEAD_S)
        now_s = time.monotonic()
        if answer is False and now_s < self._asked_at_s.setdefault(name, now_s) + ASK_RECORD_EVERY_S:
            return False
        self._asked_at_s[name] = now_s
        if self._storage.lease(name, self._holder, LEAD_S):
            return True
        if answer:  # who holds the lease must find the hint free
            self._cache.yield_lead(name, self._holder)
        return False

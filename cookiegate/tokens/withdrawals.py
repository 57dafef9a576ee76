"""When people withdrew, for gates whose policy lets events pass that happened before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from cookiegate.tokens.claims import Claims

PEOPLE_LIMIT = 100_000
CHANGES_LIMIT = 16


class Withdrawals:
    """The moments at which people ended or replaced their consents, as far as this process heard of them.

    It holds those of 100,000 people, of each the last 16. Safe for threads. Only a person's own act is noted here: of
    someone whose data was erased, or its use restricted, no event passes, however old.

    Args:
        holds: asked with the name of a person's last act before its moment is told: whether nothing but that act ended
            their consent.
    """

    def __init__(self, holds: Callable[[str], bool] = lambda act: True, limit: int = PEOPLE_LIMIT) -> None:
        self._holds = holds
        self._limit = limit
        self._lock = threading.Lock()
        self._noted: OrderedDict[str, tuple[str, dict[int, int]]] = OrderedDict()
        self._barred: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._noted)

    def note(self, sub: str, epoch: int, at_ms: int, act: str = "") -> None:
        """Notes that the epoch before this one ended at a moment, by the person's own act."""
        with self._lock:
            if sub in self._barred:
                return
            _, changes = self._noted.pop(sub, ("", {}))
            changes.setdefault(epoch, at_ms)
            if len(changes) > CHANGES_LIMIT:
                del changes[min(changes)]
            self._noted[sub] = act, changes
            if len(self._noted) > self._limit:
                self._noted.popitem(last=False)

    def forget(self, sub: str) -> None:
        """Takes back everything noted of a person, and notes no more: their data is erased, or its use restricted."""
        with self._lock:
            self._noted.pop(sub, None)
            self._barred[sub] = None
            if len(self._barred) > self._limit:
                self._barred.popitem(last=False)

    def ended_ms(self, claims: Claims) -> int | None:
        """When the consent behind a token ended, milliseconds since 1970; None if that is not known."""
        with self._lock:
            act, changes = self._noted.get(claims.sub, ("", {}))
            ended_ms = changes.get(claims.ep + 1)
        return ended_ms if ended_ms is not None and self._holds(act) else None

"""What a shared cache can do. None of it ever raises: what cannot be had is a miss, and the caller asks the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What the cache is asked for; part of every key, and the label of the counters of failures."""

    COUNTERS = "counters"
    CONSENTS = "consents"
    STATUS = "status"
    LEADS = "leads"
    FAN_OUT = "fan-out"


@dataclass(frozen=True, slots=True)
class Window:
    """A counter: how much was counted since its window began, and when that ends (seconds since 1970)."""

    count: int
    ends_at_s: float


@dataclass(frozen=True, slots=True)
class Versioned:
    """A copy that gives way to newer ones only. An empty ``body`` says that what was there counts no more."""

    version: int
    body: bytes


class SharedCache(Protocol):
    """Copies and counters, in this process or in Redis. Safe for threads."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes see it."""
        ...

    def count(self, key: str, window_s: int, amount: int = 1) -> Window | None:
        """Adds to a counter that begins anew after ``window_s``; None when it cannot be counted here."""
        ...

    def counted(self, key: str) -> Window | None:
        """A counter as it stands; None when that cannot be told here."""
        ...

    def forget(self, role: Role, key: str) -> None:
        """Drops a counter or a copy."""
        ...

    def find(self, role: Role, key: str) -> Versioned | None:
        """A copy; None when there is none."""
        ...

    def keep(self, role: Role, key: str, item: Versioned, ttl_s: float) -> bool:
        """Keeps a copy unless one of a higher version is there.

        Returns:
            Whether this is the copy now; False also when it cannot be kept.
        """
        ...

    def lead(self, name: str, holder: str, ttl_s: float) -> bool | None:
        """Takes or renews the lead of a piece of work among those who share this cache.

        Returns:
            None when that cannot be told. It is a hint that spares the record questions: the record's lease decides.
        """
        ...

    def yield_lead(self, name: str, holder: str) -> None:
        """Gives up a lead."""
        ...

    def tell(self, message: bytes) -> bool:
        """Sends news to everybody who listens; False when it cannot be sent."""
        ...

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """Calls ``hear`` with all news from now on, in a thread of its own, until ``close``. Some may be missed."""
        ...

    def close(self) -> None:
        """Lets go of connections and threads."""
        ...


class Watcher(Protocol):
    """Told how a shared cache is, for operators."""

    def turned(self, state: str) -> None:
        """The breaker is ``closed``, ``half-open`` or ``open`` now."""
        ...

    def failed(self, role: Role, cause: str) -> None:
        """A call failed or came to its deadline; ``cause`` is the kind of error."""
        ...

    def spared(self, role: Role) -> None:
        """A call was not made, because the breaker is open."""
        ...

    def hears(self, does: bool) -> None:
        """Whether news are heard now."""
        ...

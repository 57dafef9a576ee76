"""What overtakes a token: the status lists that a reader holds, and epochs raised lately."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

from cookiegate.clock import Clock, SystemClock
from cookiegate.errors import StatusListError
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.statuslist import OpenedStatusList, open_status_list


class StatusSource(Protocol):
    """Tells a token's status."""

    def status(self, uri: str, idx: int) -> int | None:
        """The status at a place of a list; None if it cannot be told now, and the token must be refused."""
        ...


class EpochSource(Protocol):
    """Tells which tokens a newer decision has overtaken."""

    def minimum(self, sub: str) -> int:
        """The lowest epoch that still counts for a subject; 0 if none was raised lately."""
        ...


class StatusBook:
    """A reader's copies of published lists; a :class:`StatusSource`. A list that has expired tells nothing.

    Args:
        clock: tells when a copy expires.
        leeway_s: tolerated clock difference.
    """

    def __init__(self, *, clock: Clock | None = None, leeway_s: int = 60) -> None:
        self._clock = clock or SystemClock()
        self._leeway_s = leeway_s
        self._lists: dict[str, OpenedStatusList] = {}

    def load(self, text: str, keys: PublicKeys, *, uri: str | None = None) -> OpenedStatusList:
        """Checks a status list token and keeps it, unless a newer copy is there.

        Args:
            text: the token.
            keys: the trusted keys.
            uri: the list that it must be; any when None.

        Raises:
            StatusListError: with the cause; the copies stay as they were.
        """
        opened = open_status_list(text, keys)
        if uri is not None and opened.uri != uri:
            raise StatusListError("the status list names another list than the one asked for", uri=opened.uri)
        if not self._holds(opened):
            raise StatusListError("the status list has expired or is not valid yet", uri=opened.uri)
        held = self._lists.get(opened.uri)
        # An older copy could hide a withdrawal that is already known.
        if held is not None and held.issued_at_s > opened.issued_at_s:
            return held
        self._lists[opened.uri] = opened
        return opened

    def status(self, uri: str, idx: int) -> int | None:
        """The status at a place of a list; None if no copy in force is there."""
        held = self._lists.get(uri)
        return held.statuses.find(idx) if held is not None and self._holds(held) else None

    def _holds(self, opened: OpenedStatusList) -> bool:
        now_s = self._clock.now_ms() // 1000
        return opened.issued_at_s - self._leeway_s <= now_s < opened.expires_at_s + self._leeway_s


class EpochRegister:
    """The epochs raised in the last minutes; an :class:`EpochSource`. Safe for threads.

    A token older than ``keep_s`` has expired anyway, so nothing need be remembered for longer.

    Args:
        clock: tells when an entry may go.
        keep_s: longer than a token's life and leeway together.
    """

    def __init__(self, clock: Clock | None = None, keep_s: int = 1200) -> None:
        self._clock = clock or SystemClock()
        self._keep_ms = keep_s * 1000
        self._lock = threading.Lock()
        self._minimum: dict[str, int] = {}
        self._order: deque[tuple[int, str, int]] = deque()

    def __len__(self) -> int:
        return len(self._minimum)

    def raise_to(self, sub: str, epoch: int) -> None:
        """Refuses every token of ``sub`` below ``epoch`` from now on. An epoch never falls."""
        now_ms = self._clock.now_ms()
        with self._lock:
            if epoch > self._minimum.get(sub, 0):
                self._minimum[sub] = epoch
                self._order.append((now_ms, sub, epoch))
            self._forget(now_ms - self._keep_ms)

    def _forget(self, before_ms: int) -> None:
        while self._order and self._order[0][0] < before_ms:
            _, sub, epoch = self._order.popleft()
            if self._minimum.get(sub) == epoch:
                del self._minimum[sub]

    def minimum(self, sub: str) -> int:
        """The lowest epoch that counts for ``sub``; 0 if none was raised lately."""
        return self._minimum.get(sub, 0)

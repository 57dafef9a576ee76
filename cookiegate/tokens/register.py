"""The service's own status lists: what is withdrawn, and the signed lists that tell the world."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from cookiegate.clock import Clock, SystemClock
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.statuslist import LIFE_S, LIST_SIZE, VALID, StatusList, list_uri, sign_status_list


@dataclass(slots=True)
class _Published:
    statuses: StatusList
    signed: bytes = b""
    signed_at_s: int = 0
    kid: str = ""
    changed: bool = True


class StatusRegister:
    """Every status list of one service, in memory; a :class:`StatusSource` for its own gates. Safe for threads.

    Args:
        keyring: signs the lists.
        issuer: as for the tokens.
        size: entries per list.
        clock: tells when a signed list grows old.
    """

    def __init__(self, keyring: KeyRing, issuer: str, *, size: int = LIST_SIZE, clock: Clock | None = None) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._size = size
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._lists: dict[int, _Published] = {}
        self._by_uri: dict[str, StatusList] = {}

    def ensure(self, number: int) -> None:
        """Publishes the list of this number, all valid, unless it is there already. Call it before issuing into it."""
        with self._lock:
            self._ensure(number)

    def _ensure(self, number: int) -> _Published:
        held = self._lists.get(number)
        if held is None:
            held = self._lists[number] = _Published(StatusList(self._size))
            self._by_uri[list_uri(self._issuer, number)] = held.statuses
        return held

    def numbers(self) -> tuple[int, ...]:
        """The lists that are published."""
        return tuple(sorted(self._lists))

    def load(self, revoked: Iterable[tuple[int, int]]) -> None:
        """Takes over revocations from the record: pairs of list number and index."""
        for number, idx in revoked:
            self.revoke(number, idx)

    def revoke(self, number: int, idx: int) -> None:
        """Marks a token as withdrawn, for good.

        Raises:
            IndexError: outside the list.
        """
        with self._lock:
            held = self._ensure(number)
            held.statuses.set(idx)
            held.changed = True

    def is_revoked(self, number: int, idx: int) -> bool:
        """Whether a token is withdrawn; what is not on any list counts as withdrawn."""
        held = self._lists.get(number)
        return held is None or held.statuses.find(idx) != VALID

    def status(self, uri: str, idx: int) -> int | None:
        """The status at a place of one of this service's own lists, by its address; None for a foreign one."""
        statuses = self._by_uri.get(uri)
        return None if statuses is None else statuses.find(idx)

    def signed(self, number: int, now_ms: int | None = None) -> bytes | None:
        """The status list token to serve, signed anew only after a change, a key rotation, or half of its life.

        Args:
            number: the list.
            now_ms: now; the clock's time when not given.

        Returns:
            The token as ASCII bytes, the same object while nothing changed; None for a list that does not exist.
        """
        now_s = (self._clock.now_ms() if now_ms is None else now_ms) // 1000
        with self._lock:
            held = self._lists.get(number)
            if held is None:
                return None
            key = self._keyring.active
            age_s = now_s - held.signed_at_s
            if held.changed or held.kid != key.kid or not 0 <= age_s < LIFE_S // 2:
                token = sign_status_list(key, list_uri(self._issuer, number), held.statuses, now_s)
                held.signed, held.signed_at_s, held.kid, held.changed = token.encode(), now_s, key.kid, False
            return held.signed

"""The service's own status lists: what is withdrawn, and the signed lists that tell the world."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from cookiegate.clock import Clock, SystemClock
from cookiegate.errors import StatusListError
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.knowledge import Knowledge
from cookiegate.tokens.statuslist import (
    LIFE_S,
    LIST_SIZE,
    STATUS_LIST_TYPE,
    VALID,
    StatusList,
    list_uri,
    open_status_list,
    sign_status_list,
)


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
        knowledge: once it is stale, every status is unknown.
    """

    def __init__(
        self,
        keyring: KeyRing,
        issuer: str,
        *,
        size: int = LIST_SIZE,
        clock: Clock | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._size = size
        self._clock = clock or SystemClock()
        self._knowledge = knowledge or Knowledge()
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
        """The status at a place of one of this service's own lists, by its address.

        None for a foreign list, and while this process may have missed a withdrawal.
        """
        statuses = self._by_uri.get(uri)
        return None if statuses is None or not self._knowledge.is_fresh else statuses.find(idx)

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
            if not self._is_current(held, now_s):
                key = self._keyring.active
                token = sign_status_list(key, list_uri(self._issuer, number), held.statuses, now_s)
                held.signed, held.signed_at_s, held.kid, held.changed = token.encode(), now_s, key.kid, False
            return held.signed

    def current(self, number: int, now_ms: int) -> bytes | None:
        """The token that :meth:`signed` or :meth:`adopt` gave before, if nothing has changed since; else None."""
        with self._lock:
            held = self._lists.get(number)
            return held.signed if held is not None and self._is_current(held, now_ms // 1000) else None

    def adopt(self, number: int, token: bytes, now_ms: int) -> bool:
        """Serves a token that another node signed, if it is as good as one that would be signed here.

        Args:
            number: of the list.
            token: from anywhere: it must bear a signature by the active key, be younger than half of its life, and hold
                every revocation that is known here. Those that it holds beyond that are known here from now on.
            now_ms: now.
        """
        now_s = now_ms // 1000
        head = self._keyring.active.head(STATUS_LIST_TYPE)
        try:
            opened = open_status_list(token.decode("ascii"), PublicKeys(self._keyring.jwks()))
        except (StatusListError, ValueError):
            return False
        is_ours = opened.uri == list_uri(self._issuer, number) and token.startswith(head.encode() + b".")
        with self._lock:
            held = self._lists.get(number)
            if held is None or not is_ours or not 0 <= now_s - opened.issued_at_s < LIFE_S // 2:
                return False
            if not held.statuses.join(opened.statuses):
                return False
            held.signed, held.signed_at_s, held.changed = token, opened.issued_at_s, False
            held.kid = self._keyring.active.kid
            return True

    def _is_current(self, held: _Published, now_s: int) -> bool:
        is_young = 0 <= now_s - held.signed_at_s < LIFE_S // 2
        return is_young and not held.changed and held.kid == self._keyring.active.kid

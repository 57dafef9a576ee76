"""Signed status lists that nodes share: one signs, the others serve the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from cookiegate.storage.cache.contract import Role, SharedCache, Versioned
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.statuslist import LIFE_S


class SharedLists:
    """The status lists to serve.

    Args:
        register: what this process knows, and the key.
        cache: holds what another node signed, by the revocation up to which that node had followed the record.
        followed: the sequence up to which this process has.
    """

    def __init__(self, register: StatusRegister, cache: SharedCache, followed: Callable[[], int]) -> None:
        self._register = register
        self._cache = cache
        self._followed = followed

    def signed(self, number: int, now_ms: int) -> bytes | None:
        """The status list token; None for a list that does not exist.

        A list from the cache is served only if it is signed by our key now, young, at least as far as this process, and
        denies everything that this process denies.
        """
        if not self._cache.is_shared:
            return self._register.signed(number, now_ms)
        served = self._register.current(number, now_ms)
        if served is not None or number not in self._register.numbers():
            return served
        followed = self._followed()  # before signing: the list then holds at least so much
        found = self._cache.find(Role.STATUS, str(number))
        if found is not None and found.version >= followed and self._register.adopt(number, found.body, now_ms):
            return found.body
        signed = self._register.signed(number, now_ms)
        if signed is not None:
            self._cache.keep(Role.STATUS, str(number), Versioned(followed, signed), LIFE_S)
        return signed

"""Status lists from files and addresses, and how long they may be believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cookiegate.clock import Clock, SystemClock, seconds_awake_or_not
from cookiegate.errors import CookiegateError
from cookiegate.sources.places import Place
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.statuses import StatusBook
from cookiegate.tokens.statuslist import SIGNED_LIMIT_BYTES, OpenedStatusList

#: A list from an address is believed for so long after the address last said that it is current.
MAX_STALE_S = 300.0
RETRY_S = 10.0
#: Tolerated difference of the clocks here and at the service.
LEEWAY_S = 60.0
_NOT_THERE = (404, 410)


@dataclass(slots=True)
class _Followed:
    place: Place
    opened: OpenedStatusList | None = None
    confirmed_s: float = 0.0


class FollowedStatuses:
    """The given status lists and those beside them: a service opens a new list when the last one is full.

    A :class:`cookiegate.tokens.statuses.StatusSource`. A list that a signed token names is read when it is first met,
    from the address that the lists given by address were read from, and from nowhere else.

    Args:
        keys: gives the trusted keys.
        max_stale_s: a list that has been out of date for longer tells nothing: counted from when its address last
            confirmed it, less the answer's ``Age``; for a file from its own ``iat``. When None, 300 s for addresses,
            and for files until the list expires. A service signs a list anew before half of its life is over: what an
            address gives is not believed for longer than that and ``max_stale_s`` after its ``iat``, whoever gives it.
        warn: told of a list beside the given ones that cannot be had.
        clock: the time.
        seconds: seconds that only rise.
    """

    def __init__(
        self,
        keys: Callable[[], PublicKeys],
        *,
        max_stale_s: float | None = None,
        warn: Callable[[CookiegateError], None] = lambda error: None,
        clock: Clock | None = None,
        seconds: Callable[[], float] = seconds_awake_or_not,
    ) -> None:
        if max_stale_s is not None and not max_stale_s >= 0:  # not a number, too
            raise ValueError(f"max_stale_s must be 0 seconds or more: {max_stale_s}")
        self._clock = clock or SystemClock()
        self._book = StatusBook(clock=self._clock)
        self._keys = keys
        self._max_stale_s = max_stale_s
        self._warn = warn
        self._seconds = seconds
        self._by_place: dict[str, _Followed] = {}
        self._by_uri: dict[str, _Followed] = {}
        self._beside: dict[str, str] = {}
        self._tried_at_s: dict[str, float] = {}
        self._missing: dict[str, float] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        """What is followed now."""
        return tuple(followed.place for followed in tuple(self._by_place.values()))

    def load(self, name: str) -> None:
        """Reads a list that was given; those beside it are followed if it was given by its address.

        Raises:
            SourceUnreadableError: it cannot be read.
            StatusListError: it cannot be trusted.
        """
        followed = self._read(_Followed(Place(name, SIGNED_LIMIT_BYTES)))
        if followed.place.is_address and followed.opened is not None:
            self._beside[followed.opened.uri.rpartition("/")[0]] = name.rpartition("/")[0]

    def refresh(self, name: str) -> None:
        """Looks whether a list has changed.

        Raises:
            SourceUnreadableError, StatusListError: what was read before stays, until it is too old.
        """
        self._read(self._by_place[name])

    def forget(self) -> None:
        """The keys are others now: every list is read whole again."""
        for followed in tuple(self._by_place.values()):
            followed.place.forget()

    def _read(self, followed: _Followed) -> _Followed:
        asked_s = self._seconds()
        data = followed.place.read()
        if data is not None:
            try:
                followed.opened = self._book.load(data.decode("ascii", errors="replace"), self._keys())
            except CookiegateError as error:
                followed.place.forget()
                raise type(error)(f"{followed.place.name}: {error.detail}", **error.evidence) from error
            self._by_uri[followed.opened.uri] = followed
            self._by_place[followed.place.name] = followed
        followed.confirmed_s = asked_s - followed.place.age_s
        self._missing.pop(followed.opened.uri if followed.opened else "", None)
        return followed

    def status(self, uri: str, idx: int) -> int | None:
        """The status at a place of a list; None if the list cannot be had now, or is too old to be believed."""
        found = self._book.status(uri, idx)
        if found is None:
            return self._book.status(uri, idx) if self._follow(uri) else None
        followed = self._by_uri.get(uri)
        return None if followed is None or self._is_stale(followed) else found

    def behind(self) -> str | None:
        """Why a token that should pass may be refused now, in words; None if no list is behind.

        A list that is followed is too old, or one beside them could not be had a moment ago. What comes back by itself
        is meant: not a list that nothing here knows the address of.
        """
        now_s = time.monotonic()
        if any(now_s - at_s < 3 * RETRY_S for at_s in tuple(self._missing.values())):
            return "one that a token names cannot be had"
        if any(self._is_stale(followed) or self._has_ended(followed) for followed in tuple(self._by_place.values())):
            return "one that is followed is too old to be believed"
        return None

    def _has_ended(self, followed: _Followed) -> bool:
        return followed.opened is not None and self._book.status(followed.opened.uri, 0) is None

    def _is_stale(self, followed: _Followed) -> bool:
        opened = followed.opened
        if followed.place.is_address:
            most_s = MAX_STALE_S if self._max_stale_s is None else self._max_stale_s
            if self._seconds() - followed.confirmed_s > most_s:
                return True
            if opened is None:
                return False
            signed_anew_s = (opened.expires_at_s - opened.issued_at_s) / 2
            return self._clock.now_ms() / 1000 - opened.issued_at_s > signed_anew_s + most_s + LEEWAY_S
        if self._max_stale_s is None or followed.opened is None:
            return False
        return self._clock.now_ms() / 1000 - followed.opened.issued_at_s > self._max_stale_s

    def _follow(self, uri: str) -> bool:
        folder, _, name = uri.rpartition("/")
        home, now_s = self._beside.get(folder), time.monotonic()
        if home is None or not name.isalnum() or now_s - self._tried_at_s.get(uri, -RETRY_S) < RETRY_S:
            return False
        self._tried_at_s[uri] = now_s
        followed = self._by_uri.get(uri) or _Followed(Place(f"{home}/{name}", SIGNED_LIMIT_BYTES))
        try:
            self._read(followed)
        except CookiegateError as error:
            self._warn(error)
            if getattr(error.__cause__, "code", None) not in _NOT_THERE:
                self._missing[uri] = now_s
            return False
        return True

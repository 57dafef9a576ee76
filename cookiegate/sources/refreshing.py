"""Reads keys and status lists again in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from cookiegate.errors import CookiegateError
from cookiegate.sources.keysets import FollowedKeys
from cookiegate.sources.places import Place
from cookiegate.sources.statuslists import FollowedStatuses

ADDRESSES_EVERY_S = 60.0
#: A look at a file that has not changed is one system call.
FILES_EVERY_S = 1.0


class Refresher:
    """Looks at addresses every minute and at files every second, for as long as the ``with`` block lasts.

    A failure leaves what was read before: keys stay, and a list serves until it is too old to be believed. The first of
    each row of failures is told.

    Args:
        keys: the key set.
        statuses: the lists.
        warn: told of failures.
        every_s: seconds between two looks at an address.
        files_every_s: seconds between two looks at a file.
    """

    def __init__(
        self,
        keys: FollowedKeys,
        statuses: FollowedStatuses,
        warn: Callable[[CookiegateError], None] = lambda error: None,
        every_s: float = ADDRESSES_EVERY_S,
        files_every_s: float = FILES_EVERY_S,
    ) -> None:
        self._keys = keys
        self._statuses = statuses
        self._warn = warn
        self._every_s = {True: every_s, False: files_every_s}
        self._tick_s = min(every_s, files_every_s)
        self._looked_s: dict[str, float] = {}
        self._failing: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)

    def __enter__(self) -> Refresher:
        now_s = time.monotonic()
        self._looked_s = {place.name: now_s for place in (self._keys.place, *self._statuses.places)}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def refresh(self) -> None:
        """Looks at everything: keys first, for a new list may be signed by a new key."""
        self._refresh(lambda place: True)

    def _run(self) -> None:
        while not self._stop.wait(self._tick_s):
            self._refresh(self._is_due)

    def _is_due(self, place: Place) -> bool:
        now_s = time.monotonic()
        if now_s - self._looked_s.get(place.name, now_s) < self._every_s[place.is_address]:
            self._looked_s.setdefault(place.name, now_s)
            return False
        self._looked_s[place.name] = now_s
        return True

    def _refresh(self, is_due: Callable[[Place], bool]) -> None:
        if is_due(self._keys.place) and self._try(self._keys.place, self._keys.refresh):
            self._statuses.forget()
        for place in self._statuses.places:
            if is_due(place):
                self._try(place, partial(self._statuses.refresh, place.name))

    def _try(self, place: Place, look: Callable[[], bool | None]) -> bool:
        try:
            found = look()
        except CookiegateError as error:
            if place.name not in self._failing:
                self._failing.add(place.name)
                self._warn(error)
            return False
        self._failing.discard(place.name)
        return bool(found)

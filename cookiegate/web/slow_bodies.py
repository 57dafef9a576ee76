"""Bodies that come slowly: each holds the thread that reads it, so only so many are waited for at a time.

The rest of the threads go on serving what is short: pages, gates, probes, and bodies that are there already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from cookiegate.errors import SlowBodiesError

#: Threads that never wait for a body.
RESERVED = 2
#: A body that took longer is slow; most are there with their request's head.
PATIENCE_S = 0.1


class BodyPlaces:
    """Places for bodies that are being read. Safe for threads.

    Args:
        threads: request threads of the process.
    """

    def __init__(self, threads: int) -> None:
        self._count = max(1, threads - RESERVED)
        self._begun: dict[int, float] = {}
        self._free = threading.Condition(threading.Lock())

    def enter(self) -> int:
        """Takes a place; returns what ``leave`` takes back.

        Raises:
            SlowBodiesError: all places are taken by slow bodies.
        """
        me, begun = threading.get_ident(), self._begun
        with self._free:
            if len(begun) >= self._count:
                self._wait()
            begun[me] = time.monotonic()
        return me

    def leave(self, place: int) -> None:
        """Gives a place back."""
        with self._free:
            del self._begun[place]
            if len(self._begun) == self._count - 1:
                self._free.notify()

    def _wait(self) -> None:
        ends = time.monotonic() + PATIENCE_S
        while len(self._begun) >= self._count:
            # No longer than until the youngest of those who read is slow, too.
            left = min(ends, max(self._begun.values()) + PATIENCE_S) - time.monotonic()
            if left <= 0:
                raise SlowBodiesError("too many clients send their bodies slowly; try again in a moment")
            self._free.wait(left)


class PatientInput:
    """A request's body (``wsgi.input``) that is read in one of the places."""

    __slots__ = ("_body", "_places")

    def __init__(self, body: Any, places: BodyPlaces) -> None:
        self._body = body
        self._places = places

    def read(self, *size: int) -> bytes:
        """As a file's."""
        body: bytes = self._in_place(self._body.read, *size)
        return body

    def readline(self, *size: int) -> bytes:
        """As a file's."""
        line: bytes = self._in_place(self._body.readline, *size)
        return line

    def readlines(self, *hint: int) -> list[bytes]:
        """As a file's."""
        lines: list[bytes] = self._in_place(self._body.readlines, *hint)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _in_place(self, read: Any, *size: int) -> Any:
        place = self._places.enter()
        try:
            return read(*size)
        finally:
            self._places.leave(place)

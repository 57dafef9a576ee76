"""A deadline for an exchange: socket timeouts alone never end one that comes byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any


class Deadline:
    """One exchange's time. It goes to whichever thread carries the exchange on."""

    def __init__(self, deadlines: Deadlines, limit_s: float) -> None:
        self._deadlines = deadlines
        self.line: socket.socket | None = None
        self.ends = time.monotonic() + limit_s
        self.was_cut = False

    @property
    def left_s(self) -> float:
        """Seconds until the end; never less than a moment, since a socket takes 0 for something else."""
        return max(0.001, self.ends - time.monotonic())

    def attach(self, line: socket.socket) -> None:
        """The exchange goes over ``line``.

        Raises:
            TimeoutError: its time is over already.
        """
        if time.monotonic() >= self.ends:
            raise TimeoutError
        self._deadlines.watch(self, line)

    def extend(self, limit_s: float) -> None:
        """Begins the time anew, for the exchange's next part."""
        self.ends = time.monotonic() + limit_s

    def detach(self) -> None:
        """The exchange is over.

        Raises:
            TimeoutError: it was cut off, whatever came of it: an answer that ends in the middle may look like a whole.
        """
        self._deadlines.forget(self)
        if self.was_cut:
            raise TimeoutError


class Deadlines:
    """Cuts the connections of exchanges that take too long. Safe for threads."""

    def __init__(self) -> None:
        self._watched: set[Deadline] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, limit_s: float) -> Deadline:
        """An exchange that is over within so many seconds, connecting included."""
        return Deadline(self, limit_s)

    def watch(self, deadline: Deadline, line: socket.socket) -> None:
        """Cuts ``line`` when the time is over."""
        with self._changed:
            deadline.line = line
            self._watched.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._cut, name="cookiegate-deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, deadline: Deadline) -> None:
        """Lets go of an exchange that is over."""
        with self._changed:
            self._watched.discard(deadline)

    def _cut(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                late = [deadline for deadline in self._watched if deadline.ends <= now]
                for deadline in late:
                    deadline.was_cut = True
                    self._watched.discard(deadline)
                if not late:
                    # An exchange that is over wakes nobody: the thread finds out when its time would have been.
                    ends = min((deadline.ends for deadline in self._watched), default=None)
                    self._changed.wait(None if ends is None else max(0.0, ends - now))
            for deadline in late:
                _shut(deadline.line)


def _shut(line: Any) -> None:
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TLS too: nobody there would say goodbye

"""A deadline for a whole exchange: socket timeouts alone never end one that comes byte by byte."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Deadlines:
    """Cuts the connections of exchanges that take too long. Safe for threads; one exchange a thread at a time.

    Args:
        limit_s: seconds for an exchange, connecting included.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._ends: dict[int, float] = {}
        self._lines: dict[int, socket.socket] = {}
        self._cut_off: set[int] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def exchange(self) -> Iterator[None]:
        """What this thread does inside is over within the limit.

        Raises:
            TimeoutError: it was cut off, whatever came of it: an answer that ends in the middle may look like a whole.
        """
        me = threading.get_ident()
        with self._changed:
            self._ends[me] = time.monotonic() + self.limit_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._cut, name="cookiegate-deadlines", daemon=True)
                self._thread.start()
            elif len(self._ends) == 1:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._ends[me]
                self._lines.pop(me, None)
                was_cut_off = me in self._cut_off
                self._cut_off.discard(me)
        if was_cut_off:
            raise TimeoutError

    def attach(self, line: socket.socket) -> None:
        """This thread's exchange goes over ``line``.

        Raises:
            TimeoutError: its time is over already.
        """
        me = threading.get_ident()
        with self._changed:
            if time.monotonic() >= self._ends[me]:
                raise TimeoutError
            self._lines[me] = line

    def handlers(self) -> tuple[urllib.request.BaseHandler, ...]:
        """For ``build_opener``: exchanges whose connections are attached."""
        deadlines = self

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                deadlines.attach(self.sock)

        class Secure(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                deadlines.attach(self.sock)

        class PlainHandler(urllib.request.HTTPHandler):
            def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Plain, req)

        class SecureHandler(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Secure, req)

        return PlainHandler(), SecureHandler()

    def _cut(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                late = {me: line for me, line in self._lines.items() if self._ends[me] <= now}
                self._cut_off |= late.keys()
                for me in late:
                    del self._lines[me]
                waiting = [self._ends[me] for me in self._lines]
                if not late:
                    # A new exchange ends later than every one before it, so that none is overslept.
                    self._changed.wait(max(0.0, min(waiting) - now) if waiting else self._idle())
            for line in late.values():
                _shut(line)

    def _idle(self) -> float | None:
        return self.limit_s / 4 if self._ends else None


def _shut(line: Any) -> None:
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TLS too: nobody there would say goodbye

"""Connections that keep the server waiting are closed: the server itself only times the heads of requests.

The kernel knows of every connection how much came and went. A request that was begun and is not answered for so long
was not sent whole (or sent to hold us); its connection is shut down, which wakes the thread that reads its body.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

EVERY_S = 1.0
#: From a request's first byte to the answer's first. No answer of ours takes as long; a collector has five seconds.
REQUEST_S = 15.0
#: A body may take longer than that, as long as so many bytes a second of it come.
LEAST_RATE = 16_384
#: Between two requests. Proxies let go after 60 seconds by themselves.
IDLE_S = 75.0

_COOKIE = 57  # SO_COOKIE: tells connections apart although their descriptors are used again
_ESTABLISHED = 1
#: Places in the kernel's ``struct tcp_info``: milliseconds since data was last sent and received, bytes of both.
_SENT_AGE, _RECEIVED_AGE, _RECEIVED, _SENT = 44, 52, 128, 200
_INFO_BYTES = 208


@dataclass(slots=True)
class _Seen:
    """What a connection had received and sent when this began: to be waited for (``waits``), or to be silent."""

    received: int
    sent: int
    waits: bool
    since_s: float


class SlowClients:
    """Looks at this process's connections once a second. On Linux; elsewhere it does nothing.

    Args:
        port: the one that the server listens on: what this process opened to others is left alone.
        request_s, idle_s: see ``REQUEST_S`` and ``IDLE_S``.
    """

    def __init__(self, port: int, *, request_s: float = REQUEST_S, idle_s: float = IDLE_S) -> None:
        self._port = port
        self._request_s = request_s
        self._idle_s = idle_s
        self._seen: dict[bytes, _Seen] = {}
        self._foreign: set[bytes] = set()

    def watch(self) -> None:
        """Starts looking, until the process ends."""
        if os.path.isdir("/proc/self/fd") and hasattr(socket, "TCP_INFO"):  # noqa: PTH112  no object for each look
            threading.Thread(target=self._run, name="cookiegate-slow-clients", daemon=True).start()

    def look(self, now_s: float) -> int:
        """One look; returns how many connections were shut down."""
        seen, closed = self._seen, 0
        self._seen = {}
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
            with suppress(OSError):  # no socket, or closed meanwhile
                line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, int(name))
                try:
                    closed += self._look_at(line, seen, now_s)
                finally:
                    line.detach()  # it belongs to the server
        return closed

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S):
            self.look(time.monotonic())

    def _look_at(self, line: socket.socket, before: dict[bytes, _Seen], now_s: float) -> bool:
        info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if len(info) < _INFO_BYTES or info[0] != _ESTABLISHED:
            return False
        cookie = line.getsockopt(socket.SOL_SOCKET, _COOKIE, 8)
        received, sent, waits = _read(info)
        known = before.get(cookie)
        if known is None and not self._is_ours(line, cookie):
            return False
        if known is None or known.waits != waits or known.sent != sent:
            known = _Seen(received, sent, waits, now_s)
        self._seen[cookie] = known
        if now_s - known.since_s <= self._allowed_s(known, received):
            return False
        line.shutdown(socket.SHUT_RDWR)
        return True

    def _is_ours(self, line: socket.socket, cookie: bytes) -> bool:
        if cookie not in self._foreign and line.getsockname()[1] != self._port:
            self._foreign.add(cookie)
        return cookie not in self._foreign

    def _allowed_s(self, known: _Seen, received: int) -> float:
        if not known.waits:
            return self._idle_s
        return self._request_s + (received - known.received) / LEAST_RATE


def _read(info: bytes) -> tuple[int, int, bool]:
    """Bytes received and sent, and whether something came to which nothing was answered yet."""
    received, sent = _number("Q", info, _RECEIVED), _number("Q", info, _SENT)
    is_newer = _number("I", info, _RECEIVED_AGE) < _number("I", info, _SENT_AGE)
    return received, sent, received > 0 and (sent == 0 or is_newer)


def _number(form: str, info: bytes, place: int) -> int:
    (number,) = struct.unpack_from(form, info, place)
    return int(number)

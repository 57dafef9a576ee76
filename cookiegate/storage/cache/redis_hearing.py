"""Listens to a channel in Redis from a thread of its own, on a connection that is made again whenever it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError

from cookiegate.settings import RedisServers
from cookiegate.storage.cache.redis_line import RedisLine
from cookiegate.storage.cache.redis_routes import Routes, master_line

CONNECT_S = 2.0
READ_S = 0.25
AGAIN_AFTER_S = 0.5
LOOK_EVERY_S = 0.5
#: How long a connection may be silent before it must answer, and before the sentinels are asked for another master.
CHECK_EVERY_S = 2.0
CLOSE_WAIT_S = 3.0


class Hearing:
    """Calls ``hear`` with every message of ``channel``.

    Args:
        servers, routes: where it is; the routes are this listener's own.
        channel: what to listen to.
        hear: must be quick; what it raises is passed over.
        on_change: told whether the channel is heard.
        on_moved: called when the sentinels name another master; the old one may take writes for another ten seconds.
    """

    def __init__(
        self,
        servers: RedisServers,
        routes: Routes,
        channel: bytes,
        hear: Callable[[bytes], None],
        on_change: Callable[[bool], None],
        on_moved: Callable[[], None],
    ) -> None:
        self._servers = servers
        self._routes = routes
        self._channel = channel
        self._hear = hear
        self._on_change = on_change
        self._on_moved = on_moved
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cookiegate-redis-news", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends within a moment."""
        self._stopped.set()
        self._thread.join(CLOSE_WAIT_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(OSError, RedisError, ValueError, TypeError, LookupError, RecursionError):
                line = self._subscribe()
                try:
                    self._follow(line)
                finally:
                    self._on_change(False)
                    line.close()
            self._stopped.wait(AGAIN_AFTER_S)

    def _subscribe(self) -> RedisLine:
        self._routes.forget()
        ends_at_s = time.monotonic() + CONNECT_S
        line = master_line(self._servers, self._routes.find(self._channel, ends_at_s), ends_at_s)
        try:
            line.ask(ends_at_s, "SUBSCRIBE", self._channel)
        except BaseException:
            line.close()
            raise
        return line

    def _follow(self, line: RedisLine) -> None:
        self._on_change(True)
        checked_at_s = time.monotonic()
        while not self._stopped.is_set():
            if line.has_news(LOOK_EVERY_S):
                self._take(line.read(time.monotonic() + READ_S))
            if time.monotonic() - checked_at_s >= CHECK_EVERY_S:
                self._check(line)
                checked_at_s = time.monotonic()

    def _take(self, answer: list[bytes]) -> None:
        if answer[0] == b"message":
            with suppress(Exception):  # one message that cannot be taken must not keep the next from being heard
                self._hear(answer[2])

    def _check(self, line: RedisLine) -> None:
        ends_at_s = time.monotonic() + CONNECT_S
        line.send(ends_at_s, "PING")
        while (answer := line.read(ends_at_s))[0] != b"pong":
            self._take(answer)
        if self._servers.kind == "sentinel":
            self._routes.forget()
            if self._routes.find(self._channel, ends_at_s) != line.address:
                self._on_moved()
                raise ConnectionError("another server is the master now")

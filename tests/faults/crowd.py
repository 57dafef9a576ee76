"""Thousands of connections that ask for nothing, or for something only by halves."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
from dataclasses import dataclass, field

BATCH = 250
ADDRESSES = 40
HALF_HEAD = b"POST /v1/sites/demo/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_BODY = (
    b"POST /v1/sites/demo/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Idempotency-Key: half-sent-body-of-a-slow-one\r\nContent-Length: 400\r\n\r\n{"
)


def allow_files(count: int) -> int:
    """Lets this process open at least so many files; how many it may open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, count)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass(slots=True)
class Crowd:
    """Connections from several loopback addresses, opened by one thread of asyncio and held until it is let go.

    Args:
        port: of 127.0.0.1.
        count: how many.
        says: what each sends once it is open.
        drips_s: when given, each sends another byte so often.
    """

    port: int
    count: int
    says: bytes = b""
    drips_s: float | None = None
    opened: int = 0
    refused: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _full: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _held: list[socket.socket] = field(default_factory=list)

    def gather(self, deadline_s: float = 60.0) -> None:
        """Opens them all; returns when that is done."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._full.wait(deadline_s), f"only {self.opened} of {self.count} connections were opened"

    def disperse(self) -> None:
        """Closes them."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(30)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for first in range(0, self.count, BATCH):
            await asyncio.gather(*(self._open(loop, number) for number in range(first, min(first + BATCH, self.count))))
        self._full.set()
        while not self._stopped.is_set():
            await asyncio.sleep(self.drips_s or 0.1)
            if self.drips_s is not None:
                for held in self._held:
                    with contextlib.suppress(OSError):
                        held.send(b"a")
        for held in self._held:
            held.close()

    async def _open(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        held = socket.socket()
        held.setblocking(False)
        try:
            held.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
            await asyncio.wait_for(loop.sock_connect(held, ("127.0.0.1", self.port)), 20)
            if self.says:
                await loop.sock_sendall(held, self.says)
        except OSError:
            self.refused += 1
            held.close()
            return
        self.opened += 1
        self._held.append(held)

"""A server that speaks Redis's protocol badly: too slowly, garbled, or with an error for everything."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

DRIP_EVERY_S = 0.05


class BadRedis:
    """Answers whatever it is sent with ``answer``; with ``drips`` a byte at a time, without end.

    It counts ``connections``, so that a test sees who comes back.
    """

    def __init__(self, answer: bytes, *, drips: bool = False) -> None:
        self._answer = answer
        self._drips = drips
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def close(self) -> None:
        """Goes away."""
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _run(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self.connections += 1
                self._run(self._talk, line)

    def _talk(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(0.2)
            while not self._stopped.is_set():
                with suppress(TimeoutError):
                    if not line.recv(65_536):
                        return
                    self._say(line)

    def _say(self, line: socket.socket) -> None:
        line.sendall(self._answer)
        while self._drips and not self._stopped.wait(DRIP_EVERY_S):
            line.sendall(b"1")

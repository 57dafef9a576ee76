"""A collector that writes down every byte it gets, and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOCK_BYTES = 65_536


@dataclass
class Taken:
    """One request as it came; of a body larger than ``keeps_bytes`` only the beginning."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    size: int
    connection: tuple[str, int]

    def header(self, name: str) -> str | None:
        """A header's value; two of one name fail the test."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} came twice"
        return found[0] if found else None

    @property
    def parts(self) -> list[str]:
        """Address, header values and body."""
        return [self.path, *(value for _, value in self.headers), self.body.decode(errors="replace")]

    @property
    def text(self) -> str:
        """Everything in it."""
        lines = [f"{self.method} {self.path}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join(lines) + "\n" + self.body.decode(errors="replace")


@dataclass
class Collector:
    """The collector. Set ``status``, ``headers``, ``body``; or ``raw``, bytes that it says instead of an answer."""

    status: int = 202
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b"taken"
    raw: bytes | None = None
    keeps_bytes: int = 4_194_304
    taken: list[Taken] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.hold = threading.Event()
        self.hold.set()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"collector": self}))
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    collector: Collector

    def answer(self) -> None:
        """Any method."""
        collector = self.collector
        kept, size = self._read(int(self.headers.get("Content-Length") or 0), collector.keeps_bytes)
        headers = list(self.headers.items())
        collector.taken.append(Taken(self.command, self.path, headers, kept, size, self.client_address))
        collector.hold.wait(60)
        if collector.raw is not None:
            with suppress(OSError):
                self.connection.sendall(collector.raw)
                self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status = collector.status  # the test may set the next while this one goes out
        self.send_response(status)
        for name, value in collector.headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(collector.body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(collector.body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def _read(self, length: int, keeps_bytes: int) -> tuple[bytes, int]:
        kept, left = bytearray(), length
        while left and (block := self.rfile.read(min(left, BLOCK_BYTES))):
            left -= len(block)
            kept += block[: max(0, keeps_bytes - len(kept))]
        return bytes(kept), length - left

    def log_message(self, *_: object) -> None:
        """Quiet."""

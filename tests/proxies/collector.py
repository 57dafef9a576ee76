"""A collector that remembers every request as it came, and answers as a tracker's own server does."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CORS = "collector-says-so"


@dataclass(frozen=True, slots=True)
class Taken:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def __contains__(self, text: str) -> bool:
        whole = f"{self.method} {self.path}\n{self.headers}\n{self.body.decode('latin-1')}"
        return text in whole


class Collector:
    """Listens on a port of 127.0.0.1, the same after a stop; ``taken`` is what came. ``/broken`` answers 500."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.port = 0
        self.start()

    def start(self) -> None:
        """Listens (again)."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Keeps the test's output clean."""

            def handle_any(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("transfer-encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(headers.get("content-length") or 0))
                taken.append(Taken(self.command, self.path, headers, body))
                answer = b"" if self.command == "OPTIONS" else b"GIF89a"
                status = 204 if self.command == "OPTIONS" else 500 if self.path == "/broken" else 200
                self.send_response(status)
                self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin") or "*")
                self.send_header("Access-Control-Allow-Headers", f"content-type, x-consent-token, {CORS}")
                self.send_header("Set-Cookie", "nuid=set-by-the-collector; Max-Age=31536000")
                self.send_header("Cache-Control", "public, max-age=600")  # a collector that begs to be cached
                if answer:
                    self.send_header("Content-Type", "image/gif")
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_OPTIONS = handle_any  # noqa: N815

        return Handler

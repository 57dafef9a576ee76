"""A folder that a small server on loopback gives out, with validators, and what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


@dataclass
class Shelf:
    """The folder's files by name; ``whole`` and ``unchanged`` count what was answered with and without content."""

    folder: Path
    whole: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    #: Answers 503 to everything while set.
    is_down: bool = False
    #: For how long a cache in front of it says to have had what it gives.
    age_s: int | None = None

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def address(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, name: str, content: bytes | str) -> str:
        """Lays a file out, and gives its address."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return f"{self.address}/{name}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


_ELSEWHERE = {"/to/file": "file:///etc/passwd", "/to/ftp": "ftp://127.0.0.1/x"}


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, shelf: Shelf, *args: object) -> None:
        self._shelf = shelf
        super().__init__(*args, directory=str(shelf.folder))  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """A file with its ``ETag``, or nothing where the asker has it."""
        name, shelf = self.path[1:], self._shelf
        file = shelf.folder / name
        if self.path in _ELSEWHERE:
            self.send_response(302)
            self.send_header("Location", _ELSEWHERE[self.path])
            self.end_headers()
        elif shelf.is_down or not file.is_file():
            self.send_error(503 if shelf.is_down else 404)
        else:
            self._give(name, file.read_bytes())

    def _give(self, name: str, content: bytes) -> None:
        etag = f'"{sha256(content).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self._shelf.unchanged.append(name)
            self.send_response(304)
            self._tell_age()
            self.end_headers()
            return
        self._shelf.whole.append(name)
        self.send_response(200)
        self._tell_age()
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _tell_age(self) -> None:
        if self._shelf.age_s is not None:
            self.send_header("Age", str(self._shelf.age_s))

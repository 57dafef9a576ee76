"""A server on 127.0.0.1 that serves a page and npm packages, and keeps every other request that comes."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".txt": "text/javascript", ".json": "application/json"}
#: What the packages ask for besides sending events, and an answer that lets them go on.
_ANSWERS = {
    "/array/": {"supportedCompression": ["gzip-js", "base64"], "hasFeatureFlags": False, "autocapture_opt_out": True},
    "/flags/": {"flags": {}, "supportedCompression": ["gzip-js", "base64"]},
    "/v1/projects/": {"integrations": {}},
}


@dataclass(frozen=True)
class Captured:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class CaptureServer:
    """Runs while its block does; :attr:`captured` holds what came, in order.

    Args:
        node_modules: served under ``/npm/``.
        html: the page, served at ``/bowls``.
    """

    def __init__(self, node_modules: Path, html: str) -> None:
        self.captured: list[Captured] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(node_modules, html, self.captured))
        self.port = self._server.server_address[1]

    def __enter__(self) -> CaptureServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(node_modules: Path, html: str, captured: list[Captured]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/bowls":
                self._answer(200, "text/html; charset=utf-8", html.encode())
            elif path.startswith("/npm/"):
                self._module(path.removeprefix("/npm/"))
            elif path in ("/favicon.ico", "/after"):
                self._answer(200, "text/html", b"")
            else:
                self._keep()

        def do_POST(self) -> None:
            self._keep()

        def do_OPTIONS(self) -> None:
            self._answer(204, "text/plain", b"")

        def _keep(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = next((found for start, found in _ANSWERS.items() if self.path.startswith(start)), None)
            if answer is None:
                captured.append(Captured(self.command, self.path, dict(self.headers.items()), body))
            self._answer(200, "application/json", json.dumps(answer or {}).encode())

        def _module(self, name: str) -> None:
            file = resolve(node_modules, name)
            if file is None:
                self._answer(404, "text/plain", b"")
            elif str(file.relative_to(node_modules)) != name:
                self.send_response(302)
                self.send_header("Location", f"/npm/{file.relative_to(node_modules)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(200, _TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            for header, value in (
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Headers", "*"),
            ):
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def resolve(node_modules: Path, name: str) -> Path | None:
    """The file that a browser's bundler would take for a module's name; None if there is none."""
    found = node_modules / name
    if (found / "package.json").is_file():
        found /= json.loads((found / "package.json").read_text())["module"]
    candidates = (found, found.with_name(f"{found.name}.js"), found / "index.js")
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None or not file.resolve().is_relative_to(node_modules):
        return None
    package = next(parent for parent in file.parents if (parent / "package.json").is_file())
    swapped = json.loads((package / "package.json").read_text()).get("browser")
    inner = f"./{file.relative_to(package)}"
    return package / swapped[inner] if isinstance(swapped, dict) and inner in swapped else file

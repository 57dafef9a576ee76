"""A receiver of webhooks, which can refuse, redirect and be gone."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


class HookServer:
    """Keeps every message as (headers, body); ``status`` is what it answers, ``location`` where it redirects to."""

    def __init__(self) -> None:
        self.status = 204
        self.location: str | None = None
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Goes down."""
        self._server.shutdown()
        self._server.server_close()

    def verified(self, secret: str) -> list[Any]:
        """What came, each message verified with the library that receivers use."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]

    def ids(self) -> list[str]:
        """The ``webhook-id`` of what came."""
        return [headers["webhook-id"] for headers, _ in self.got]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Keeps the test's output clean."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with hooks._changed:
                    hooks.got.append(({name.lower(): text for name, text in self.headers.items()}, body))
                    hooks._changed.notify_all()
                self.send_response(hooks.status)
                if hooks.location is not None:
                    self.send_header("Location", hooks.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return Handler

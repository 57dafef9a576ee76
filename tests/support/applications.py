"""Applications that write down what they see, and requests to them without a server between."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Wsgi:
    """A WSGI application that writes down what it sees, and answers as told."""

    def __init__(self, *statuses: str) -> None:
        self.seen: list[dict[str, Any]] = []
        self._statuses = list(statuses)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.seen.append({**environ, "body": environ["wsgi.input"].read()})
        status = self._statuses.pop(0) if self._statuses else "200 OK"
        start_response(status, [("Set-Cookie", "sp=1"), ("X-Number", str(len(self.seen)))])
        return [b"answer ", str(len(self.seen)).encode()]


class Asgi:
    """The same over ASGI."""

    def __init__(self, *statuses: int) -> None:
        self.seen: list[dict[str, Any]] = []
        self._statuses = list(statuses)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, is_more = b"", scope["type"] == "http"
        while is_more:
            message = await receive()
            body, is_more = body + message.get("body", b""), message.get("more_body", False)
        self.seen.append({**scope, "body": body})
        status = self._statuses.pop(0) if self._statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-number", b"1")]})
        await send({"type": "http.response.body", "body": b"answer"})


def call_wsgi(app: Any, line: dict[str, Any], *, method: str | None = None) -> tuple[str, dict[str, str], bytes]:
    """A request line over WSGI: status, headers and body of the answer."""
    ip = line.get("ip", "")
    path, _, query = line["path"].partition("?")
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else (line.get("body") or "").encode()
    environ = {
        "REQUEST_METHOD": method or line["method"], "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": ip,
        "REMOTE_PORT": "4711", "REQUEST_URI": line["path"], "RAW_URI": line["path"], "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "gunicorn.socket": ip,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in line.get("headers", {}).items()},
    }  # fmt: skip
    started: list[Any] = []
    answer = app(environ, lambda *args: started.append(args))
    found = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return started[0][0], dict(started[0][1]), found


def call_asgi(app: Any, line: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """A request line over ASGI, in the given messages or in two; the messages of the answer."""
    return in_a_loop(send_asgi(app, line, *messages))


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns. Its loop is in a thread of its own: a browser of the same process may keep one here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def send_asgi(app: Any, line: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """The same inside a loop."""
    ip = line.get("ip", "")
    path, _, query = line["path"].partition("?")
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else (line.get("body") or "").encode()
    half = len(body) // 2
    told = list(messages) or [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    sent: list[dict[str, Any]] = []
    headers = [(name.lower().encode(), value.encode()) for name, value in line.get("headers", {}).items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": line["method"], "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers,
        "client": (ip, 4711) if ip else None, "server": ("shop.test", 80), "extensions": {"tls": {"client_cert": ip}},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return told.pop(0) if told else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent

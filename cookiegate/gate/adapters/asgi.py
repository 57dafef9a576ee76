"""The gate before any ASGI application that collects events (ASGI 3, HTTP specification 2).

from cookiegate.gate import Gate
from cookiegate.gate.adapters.asgi import GateMiddleware

app = GateMiddleware(app, Gate(verifier, tracker="matomo", purpose="analytics"))
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from cookiegate.clock import rfc3339
from cookiegate.errors import BodyTooLargeError
from cookiegate.gate.adapters.answers import Header, cors, empty_answer, granted_cookies, main_reason, problem
from cookiegate.gate.adapters.guarding import PREFLIGHT_HEADERS, Guard, GuardedApplication, is_ambiguous, is_preflight
from cookiegate.gate.adapters.outgoing import Outgoing, Passed
from cookiegate.gate.adapters.passage import DRAINED_BYTES, Passage
from cookiegate.gate.counts import Counts
from cookiegate.tokens.reasons import Reason

Message: TypeAlias = dict[str, Any]
Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: What stays of a scope; servers put the peer and its certificate under names of their own.
_KEPT = frozenset({"type", "asgi", "http_version", "method", "scheme", "path", "root_path", "server", "state"})
_ERROR_BYTES = 1_048_576
_JOINED_BY = {"cookie": "; "}


class GateMiddleware(GuardedApplication[Application]):
    """Lets an ASGI application see of a tracker's requests only what is granted; all others reach it untouched."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection: an HTTP request, or anything else, which is not for the gate."""
        path = self._guard.inner_path(_path(scope)) if scope["type"] == "http" else None
        headers, is_doubtful = _headers(scope) if path is not None else ({}, False)
        if path is None:
            await self._app(scope, receive, send)
            return
        if is_preflight(scope["method"], headers):
            await self._app(_preflight(scope, headers), _NoBody(receive), send)
            return
        answering = _Answering(self._guard, send, headers.get("origin"), scope["method"])
        if is_doubtful or is_ambiguous(headers):
            self._guard.add_refused(Reason.EVENT_MALFORMED)
            detail = "its length is told in two ways"
            await answering.problem(400, "body_malformed", "The body cannot be read", detail)
            return
        client = scope.get("client")
        query = scope.get("query_string", b"").decode("latin-1")
        at = rfc3339(time.time_ns() // 1_000_000)
        passage = self._guard.passage(scope["method"], path, query, headers, client[0] if client else None, at)
        body = _Input(receive)
        try:
            passed = await _read(headers.get("content-length"), body, passage)
        except BodyTooLargeError as error:
            passage.close()
            self._guard.add_refused(Reason.BODY_TOO_LARGE)
            await body.drain()
            await answering.problem(413, error.code, "The body is too large", error.detail)
            return
        except BaseException:
            passage.close()
            raise
        if passed is None:  # the client is gone, and what it sent is not whole
            passage.close()
            self._guard.add_refused(Reason.EVENT_MALFORMED)
            return
        try:
            self._guard.add(passed.counts)
            if passed.outgoing:
                await self._send(scope, receive, send, passed)
            else:
                await answering.empty(path, passed.counts)
        finally:
            passed.close()

    async def _send(self, scope: Scope, receive: Receive, send: Send, passed: Passed) -> None:
        """Gives the application a request for each grant; the tracker hears the first that fails, else the last."""
        for outgoing in passed.outgoing[:-1]:
            held = _Held()
            await self._app(_scope(scope, outgoing), _Body(outgoing, receive), held.take)
            if held.status >= HTTPStatus.BAD_REQUEST:
                await send({**held.start, "headers": self._answer(held.start.get("headers", ()), outgoing)})
                await send({"type": "http.response.body", "body": held.body})
                return
        last = passed.outgoing[-1]

        async def send_granted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._answer(message.get("headers", ()), last)}
            await send(message)

        await self._app(_scope(scope, last), _Body(last, receive), send_granted)

    def _answer(self, headers: Iterable[tuple[bytes, bytes]], outgoing: Outgoing) -> list[tuple[bytes, bytes]]:
        texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        return _encoded(granted_cookies(texts, self._guard.gate.table, outgoing.allowed))


class _Answering:
    """Answers of the gate's own."""

    def __init__(self, guard: Guard, send: Send, origin: str | None, method: str) -> None:
        self._guard = guard
        self._send_message = send
        self._cors = cors(origin, guard.origins)
        self._method = method

    async def problem(self, status: int, code: str, title: str, detail: str) -> None:
        await self._send(*problem(status, code, title, detail))

    async def empty(self, path: str, counts: Counts) -> None:
        status, headers, body = empty_answer(self._guard.gate, self._method, path)
        reason = [("X-Consent-Reason", main_reason(counts).value)] if counts.dropped else []
        await self._send(status, [*headers, *reason], body)

    async def _send(self, status: int, headers: list[Header], body: bytes) -> None:
        length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
        found = _encoded([*headers, *self._cors, *length])
        await self._send_message({"type": "http.response.start", "status": status, "headers": found})
        await self._send_message({"type": "http.response.body", "body": b"" if self._method == "HEAD" else body})


class _Held:
    """An application's answer, held back."""

    def __init__(self) -> None:
        self.start: Message = {"type": "http.response.start", "status": 500}
        self.body = b""

    @property
    def status(self) -> int:
        """The status."""
        return int(self.start["status"])

    async def take(self, message: Message) -> None:
        """Takes what the application sends."""
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body" and len(self.body) < _ERROR_BYTES:
            self.body += message.get("body", b"")


class _Body:
    """What the application receives: the stripped body, and after it whatever the server tells."""

    def __init__(self, outgoing: Outgoing, receive: Receive) -> None:
        self._blocks = outgoing.blocks()
        self._left = outgoing.size
        self._is_over = False
        self._receive = receive

    async def __call__(self) -> Message:
        if self._is_over:
            return await self._receive()
        block = next(self._blocks, b"")
        self._left -= len(block)
        self._is_over = self._left <= 0
        return {"type": "http.request", "body": block, "more_body": not self._is_over}


class _NoBody:
    """What the application receives with a preflight: nothing, and after it the end of the connection."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_over = False

    async def __call__(self) -> Message:
        message: Message = {"type": "http.request", "body": b"", "more_body": False}
        while self._is_over and message["type"] == "http.request":
            message = await self._receive()
        self._is_over = True
        return message


def _path(scope: Scope) -> str:
    path, root = scope["path"], scope.get("root_path", "")
    return str(path[len(root) :] if root and path.startswith(f"{root}/") else path)


def _headers(scope: Scope) -> tuple[dict[str, str], bool]:
    """The headers by lower-case name, and whether those about the body's length contradict each other."""
    found: dict[str, str] = {}
    is_doubtful = False
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            is_doubtful |= name in ("content-length", "transfer-encoding")
            value = f"{found[name]}{_JOINED_BY.get(name, ', ')}{value}"
        found[name] = value
    return found, is_doubtful


class _Input:
    """A request's body, never asked for past its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_over = False
        self.is_whole = False

    async def read(self) -> bytes:
        """The next block, which may be empty."""
        message = await self._receive()
        is_last = not message.get("more_body", False)
        self.is_whole = message["type"] == "http.request" and is_last
        self.is_over = is_last
        block: bytes = message.get("body", b"")
        return block

    async def drain(self) -> None:
        """Reads on, and forgets."""
        most_bytes = DRAINED_BYTES
        while most_bytes > 0 and not self.is_over:
            most_bytes -= len(await self.read())


async def _read(announced: str | None, body: _Input, passage: Passage) -> Passed | None:
    """Reads the body; None if the client goes before its end."""
    passage.announce(int(announced or 0))
    taken = 0
    while not body.is_over:
        block = await body.read()
        taken += len(block)
        passage.feed(block)
    return passage.end() if body.is_whole and int(announced or taken) == taken else None


def _scope(scope: Scope, outgoing: Outgoing) -> Scope:
    """What the application sees in place of the request."""
    accepted = outgoing.accepted
    host = [(name, value) for name, value in scope["headers"] if name.lower() == b"host"]
    headers = _encoded([*outgoing.headers.items(), ("content-length", str(outgoing.size))])
    return {
        **_kept(scope),
        "query_string": accepted.path.partition("?")[2].encode("latin-1"),
        "headers": [*host, *headers],
        "client": (accepted.ip, 0) if accepted.ip is not None else None,
    }


def _preflight(scope: Scope, headers: Mapping[str, str]) -> Scope:
    """What the application sees of a preflight: where it asks, and what for."""
    asked = _encoded((name, headers[name]) for name in ("host", *sorted(PREFLIGHT_HEADERS)) if name in headers)
    return {**_kept(scope), "query_string": b"", "headers": asked, "client": None}


def _kept(scope: Scope) -> Scope:
    kept = {name: value for name, value in scope.items() if name in _KEPT}
    return {**kept, "raw_path": quote(scope["path"], safe="/:@!$&'()*+,;=~").encode()}


def _encoded(headers: Iterable[Header]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

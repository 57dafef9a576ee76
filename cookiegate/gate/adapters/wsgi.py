"""The gate before any WSGI application that collects events (PEP 3333).

from cookiegate.gate import Gate
from cookiegate.gate.adapters.wsgi import GateMiddleware

app = GateMiddleware(app, Gate(verifier, tracker="matomo", purpose="analytics"))
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from cookiegate.clock import rfc3339
from cookiegate.errors import BodyTooLargeError
from cookiegate.gate.adapters.answers import Header, cors, empty_answer, granted_cookies, main_reason, problem
from cookiegate.gate.adapters.guarding import PREFLIGHT_HEADERS, Guard, GuardedApplication, is_ambiguous, is_preflight
from cookiegate.gate.adapters.outgoing import BLOCK_BYTES, Outgoing, Passed
from cookiegate.gate.adapters.passage import DRAINED_BYTES, Passage
from cookiegate.gate.counts import Counts
from cookiegate.tokens.reasons import Reason

StartResponse: TypeAlias = Callable[..., Any]
Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

#: What stays of an environ beside ``wsgi.…``; servers put the raw address and the peer under names of their own.
_KEPT = frozenset(
    {
        "GATEWAY_INTERFACE", "HTTPS", "HTTP_HOST", "PATH_INFO", "REQUEST_METHOD", "REQUEST_SCHEME", "SCRIPT_NAME",
        "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
    }
)  # fmt: skip
#: Of an answer that is not the one that the tracker gets.
_ERROR_BYTES = 1_048_576


class GateMiddleware(GuardedApplication[Application]):
    """Lets a WSGI application see of a tracker's requests only what is granted; all others reach it untouched."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        headers = _headers(environ)
        path = self._guard.inner_path(environ.get("PATH_INFO", ""))
        if path is None or is_preflight(environ["REQUEST_METHOD"], headers):
            return self._app(environ if path is None else _preflight(environ, headers), start_response)
        answering = _Answering(self._guard, start_response, headers.get("origin"), environ["REQUEST_METHOD"])
        if is_ambiguous(headers):
            self._guard.add_refused(Reason.EVENT_MALFORMED)
            return answering.problem(400, "body_malformed", "The body cannot be read", "its length is told in two ways")
        passage = self._guard.passage(
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            headers,
            environ.get("REMOTE_ADDR") or None,
            rfc3339(time.time_ns() // 1_000_000),
        )
        body = _Input(environ)
        try:
            passed = _read(body, passage)
        except BodyTooLargeError as error:
            passage.close()
            self._guard.add_refused(Reason.BODY_TOO_LARGE)
            body.drain()
            return answering.problem(413, error.code, "The body is too large", error.detail)
        except BaseException:
            passage.close()
            raise
        if passed is None:
            passage.close()
            self._guard.add_refused(Reason.EVENT_MALFORMED)
            detail = "the body ended before its announced length"
            return answering.problem(400, "body_malformed", "The body cannot be read", detail)
        self._guard.add(passed.counts)
        if not passed.outgoing:
            passed.close()
            return answering.empty(path, passed.counts)
        return self._send(environ, passed, start_response)

    def _send(self, environ: Environ, passed: Passed, start_response: StartResponse) -> Iterable[bytes]:
        """Gives the application a request for each grant; the tracker hears the first that fails, else the last."""
        try:
            for outgoing in passed.outgoing[:-1]:
                held = _Held()
                held.run(self._app, _environ(environ, outgoing))
                if held.code >= HTTPStatus.BAD_REQUEST:
                    passed.close()
                    start_response(held.status, self._answer(held.headers, outgoing))
                    return [held.body]
            last = passed.outgoing[-1]

            def start(status: str, found: list[Header], *rest: Any) -> Any:
                return start_response(status, self._answer(found, last), *rest)

            return _Closing(self._app(_environ(environ, last), start), passed)
        except BaseException:
            passed.close()
            raise

    def _answer(self, headers: Iterable[Header], outgoing: Outgoing) -> list[Header]:
        return granted_cookies(headers, self._guard.gate.table, outgoing.allowed)


class _Answering:
    """Answers of the gate's own."""

    def __init__(self, guard: Guard, start_response: StartResponse, origin: str | None, method: str) -> None:
        self._guard = guard
        self._start = start_response
        self._cors = cors(origin, guard.origins)
        self._method = method

    def problem(self, status: int, code: str, title: str, detail: str) -> list[bytes]:
        return self._send(*problem(status, code, title, detail))

    def empty(self, path: str, counts: Counts) -> list[bytes]:
        status, headers, body = empty_answer(self._guard.gate, self._method, path)
        reason = [("X-Consent-Reason", main_reason(counts).value)] if counts.dropped else []
        return self._send(status, [*headers, *reason], body)

    def _send(self, status: int, headers: list[Header], body: bytes) -> list[bytes]:
        length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
        self._start(f"{status} {HTTPStatus(status).phrase}", [*headers, *self._cors, *length])
        return [] if self._method == "HEAD" else [body]


class _Held:
    """An application's answer, held back."""

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: list[Header] = []
        self.body = b""

    @property
    def code(self) -> int:
        """The status as a number."""
        return int(self.status[:3])

    def run(self, app: Application, environ: Environ) -> None:
        """Runs the application to its end."""

        def write(block: bytes) -> None:
            if len(self.body) < _ERROR_BYTES:
                self.body += block

        def start(status: str, headers: list[Header], *_: Any) -> Callable[[bytes], None]:
            self.status, self.headers = status, headers
            return write

        answer = app(environ, start)
        try:
            for block in answer:
                write(block)
        finally:
            _close(answer)


class _Closing:
    """An application's answer; when the server is done with it, what the gate kept goes, too."""

    def __init__(self, answer: Iterable[bytes], passed: Passed) -> None:
        self._answer = answer
        self._passed = passed

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        try:
            _close(self._answer)
        finally:
            self._passed.close()


def _close(answer: Any) -> None:
    close = getattr(answer, "close", None)
    if close is not None:
        close()


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


class _Input:
    """A request's body, never read past its announced end."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        announced = environ.get("CONTENT_LENGTH") or ""
        is_ended = environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING")
        self.announced = int(announced) if announced else None
        self.left = self.announced if self.announced is not None else sys.maxsize if is_ended else 0
        self._body = environ["wsgi.input"]

    def read(self) -> bytes:
        """The next block; empty at the end."""
        block: bytes = self._body.read(min(self.left, BLOCK_BYTES)) if self.left else b""
        self.left = self.left - len(block) if block else 0
        return block

    def drain(self) -> None:
        """Reads on, and forgets."""
        most_bytes = DRAINED_BYTES
        while most_bytes > 0 and (block := self.read()):
            most_bytes -= len(block)


def _read(body: _Input, passage: Passage) -> Passed | None:
    """Reads the body; None if it ended before its announced length."""
    passage.announce(body.announced or 0)
    taken = 0
    while block := body.read():
        taken += len(block)
        passage.feed(block)
    return passage.end() if body.announced in (None, taken) else None


def _preflight(environ: Environ, headers: Mapping[str, str]) -> Environ:
    """What the application sees of a preflight: where it asks, and what for."""
    kept = _kept(environ)
    for name in PREFLIGHT_HEADERS & headers.keys():
        kept[f"HTTP_{name.upper().replace('-', '_')}"] = headers[name]
    kept["QUERY_STRING"] = ""
    kept["CONTENT_LENGTH"] = "0"
    kept["wsgi.input"] = io.BytesIO()
    return kept


def _kept(environ: Environ) -> Environ:
    return {name: value for name, value in environ.items() if name in _KEPT or name.startswith("wsgi.")}


def _environ(environ: Environ, outgoing: Outgoing) -> Environ:
    """What the application sees in place of the request."""
    accepted = outgoing.accepted
    kept = _kept(environ)
    for name, value in outgoing.headers.items():
        kept[f"HTTP_{name.upper().replace('-', '_')}"] = value
    kept.pop("HTTP_CONTENT_TYPE", None)
    if "content-type" in accepted.headers:
        kept["CONTENT_TYPE"] = accepted.headers["content-type"]
    kept["QUERY_STRING"] = accepted.path.partition("?")[2]
    kept["CONTENT_LENGTH"] = str(outgoing.size)
    kept["wsgi.input"] = outgoing.open()
    kept["wsgi.input_terminated"] = True
    if accepted.ip is not None:
        kept["REMOTE_ADDR"] = accepted.ip
    return kept

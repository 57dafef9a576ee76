"""One HTTP exchange without a framework: what a hot endpoint reads, and what it answers.

The front builds a :class:`Call` from the WSGI environ, and so do the Flask views, so that both run the same endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec

from cookiegate.errors import BodyTooLargeError, MalformedBodyError

JSON = "application/json"
_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"
_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: What a cookie may hold: visible ASCII without quotes, commas, semicolons and backslashes.
_COOKIE_OCTETS = bytes(octet for octet in range(0x21, 0x7F) if octet not in b'",;\\')
QUERY_FIELDS_MAX = 200
_QUERY_CACHED_CHARS = 128  # short queries repeat; one that holds a token is longer and does not


class Call:
    """A request as WSGI brings it.

    Args:
        environ: the WSGI environ (PEP 3333).
    """

    __slots__ = ("_cookies", "_query", "environ", "method", "path")

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("PATH_INFO", "")
        self._cookies: dict[str, str] | None = None
        self._query: Mapping[str, list[str]] | None = None

    def header(self, name: str) -> str | None:
        """A header by its WSGI name, such as ``HTTP_ORIGIN`` or ``CONTENT_TYPE``."""
        return self.environ.get(name)

    def cookie(self, name: str) -> str | None:
        """A cookie by name; the first wins, as browsers send the most specific path first."""
        if self._cookies is None:
            self._cookies = _read_cookies(self.environ.get("HTTP_COOKIE", ""))
        return self._cookies.get(name)

    def query(self, name: str) -> str | None:
        """The first value of a query parameter."""
        if self._query is None:
            text = self.environ.get("QUERY_STRING", "")
            self._query = _read_short_query(text) if len(text) <= _QUERY_CACHED_CHARS else read_query(text)
        values = self._query.get(name)
        return values[0] if values else None

    def read_body(self, limit_bytes: int) -> bytes:
        """The whole body.

        Raises:
            BodyTooLargeError: it announces or holds more than ``limit_bytes``.
            MalformedBodyError: its announced length is not a number, or more than what came.
            SlowBodiesError: too many others are still being read.
        """
        length = self.environ.get("CONTENT_LENGTH") or ""
        if length and not (length.isascii() and length.isdigit()):
            raise MalformedBodyError("Content-Length is not a number")
        if length and int(length) > limit_bytes:
            raise _too_large(limit_bytes)
        body: bytes = self.environ["wsgi.input"].read(int(length) if length else limit_bytes + 1)
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        if length and len(body) < int(length):
            raise MalformedBodyError("the body ended before its announced length")
        return body


def read_query(text: str) -> Mapping[str, list[str]]:
    """The parameters of a query; of one with too many to read only a token that is none, so that it is refused."""
    try:
        return parse_qs(text, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        return {"ct": ["?"]}


_read_short_query = lru_cache(maxsize=1024)(read_query)


def _too_large(limit_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is larger than {limit_bytes} bytes", limit_bytes=limit_bytes)


def _read_cookies(header: str) -> dict[str, str]:
    cookies: dict[str, str] = {}
    for part in header[:16_384].split(";"):
        name, found, value = part.strip().partition("=")
        if found and _COOKIE_NAME.fullmatch(name):
            cookies.setdefault(name, value.strip('"'))
    return cookies


@dataclass(slots=True)
class Reply:
    """An answer. Header values hold no line breaks: they come from here, or from values whose form was checked.

    ``stream`` takes the place of ``body`` where an answer may be long; Flask sends it, the front does not.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: Iterable[bytes] | None = None

    def add(self, name: str, value: str) -> Reply:
        """Adds a header."""
        self.headers.append((name, value))
        return self


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def status_line(status: int) -> str:
    """A status as WSGI wants it, such as ``404 Not Found``."""
    return _STATUS_LINES.get(status, f"{status} ")


_json = msgspec.json.Encoder()


def json_reply(value: Any, status: int = 200, content_type: str = JSON) -> Reply:
    """A JSON answer that no cache keeps; endpoints whose answer is public replace ``Cache-Control``."""
    return Reply(status, _json.encode(value), [("Content-Type", content_type), ("Cache-Control", "no-store")])


@dataclass(frozen=True, slots=True)
class CookieRules:
    """How this service's cookies are set: ``Secure`` on https; for this host alone, or all of ``domain``."""

    secure: bool
    domain: str | None = None

    @property
    def _reach(self) -> str:
        return (f"; Domain={self.domain}" if self.domain else "") + ("; Secure" if self.secure else "")

    def keep(self, name: str, value: str, max_age_s: int, *, readable: bool = False) -> tuple[str, str]:
        """A ``Set-Cookie`` header for a first-party cookie; ``readable`` ones can be seen by the page.

        Raises:
            ValueError: the value has characters that a cookie cannot hold (RFC 6265 section 4.1.1).
        """
        if not value.isascii() or value.encode().translate(None, _COOKIE_OCTETS):
            raise ValueError(f"unusable value for the cookie {name}")
        hidden = "" if readable else "; HttpOnly"
        return "Set-Cookie", f"{name}={value}; Path=/; Max-Age={max_age_s}{hidden}; SameSite=Lax{self._reach}"

    def forget(self, name: str) -> tuple[str, str]:
        """A ``Set-Cookie`` header that removes a cookie; ``Expires`` too, for clients that do not know ``Max-Age``."""
        return "Set-Cookie", f"{name}=; Path=/; Max-Age=0; Expires={_LONG_AGO}; HttpOnly; SameSite=Lax{self._reach}"

    def clear_way(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Headers that remove the cookies of this host alone, which would stand in the way of those of the domain."""
        return [replace(self, domain=None).forget(name) for name in names] if self.domain else []

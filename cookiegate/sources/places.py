"""Content of a file or an http(s) address, read again only when it changed."""

from __future__ import annotations

import errno
import os
import re
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from cookiegate.errors import SourceUnreadableError

#: For each step of an exchange, and for all of it.
TIMEOUT_S = 5.0
EXCHANGE_S = 30.0
_CHUNK_BYTES = 65_536
_LIKE_AN_ADDRESS = re.compile(r"[\w.-]+:\d+(/|$)")
_SCHEMES = ("http", "https")
_NOT_MODIFIED = 304


class _SameSchemes(urllib.request.HTTPRedirectHandler):
    """A redirect may not leave http(s), nor fall from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in _SCHEMES or (req.type == "https" and scheme != "https"):
            raise urllib.error.URLError("redirected to another scheme")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_SameSchemes)


def is_address(place: str) -> bool:
    """Whether ``place`` is an http(s) address rather than a file."""
    return urlsplit(place).scheme in _SCHEMES


def read_source(name: str, limit_bytes: int) -> bytes:
    """The content of a file or an http(s) address, once.

    Raises:
        SourceUnreadableError: as for :meth:`Place.read`.
    """
    return Place(name, limit_bytes).read() or b""


class Place:
    """A file or an http(s) address. Not for several threads at once.

    A file is read when its time, size or inode is another than before; an address is asked with the validators of its
    last answer (``ETag``, ``Last-Modified``), so that an unchanged one costs an empty answer. Caches in between are
    asked to look themselves; :attr:`age_s` is how long ago the last answer left its origin, as they say it (``Age``).

    Args:
        place: a path, or an address.
        limit_bytes: largest content.

    Source: RFC 9110, section 13.1; RFC 9111, sections 5.1 and 5.2.1.4.
    """

    def __init__(self, place: str, limit_bytes: int) -> None:
        self.name = place
        self.is_address = is_address(place)
        self.age_s = 0.0
        self._limit = limit_bytes
        self._seen: dict[str, str] | tuple[int, int, int] | None = None

    def read(self) -> bytes | None:
        """The content; None if it is what it was when it was last read.

        Raises:
            SourceUnreadableError: naming the place, if it cannot be had whole within five seconds a step.
        """
        try:
            return self._fetch() if self.is_address else self._load()
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            hint = " (an address begins with http://)" if _LIKE_AN_ADDRESS.match(self.name) else ""
            raise SourceUnreadableError(f"cannot read {self.name}: {reason}{hint}", source=self.name) from error

    def forget(self) -> None:
        """What was read was of no use: the next reading gives it again."""
        self._seen = None

    def _load(self) -> bytes | None:
        if self._seen is not None and not Path(self.name).is_file():
            if Path(self.name).exists():
                return None  # a pipe gives its content once
            raise FileNotFoundError(errno.ENOENT, "it is gone")
        with Path(self.name).open("rb") as file:
            found = os.fstat(file.fileno())
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen == self._seen:
                return None
            data = self._within(file.read(self._limit + 1))
        self._seen = seen
        return data

    def _fetch(self) -> bytes | None:
        headers = {
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            **(self._seen if isinstance(self._seen, dict) else {}),
        }
        request = urllib.request.Request(self.name, headers=headers)  # noqa: S310  the opener knows http(s) alone
        try:
            with _opener.open(request, timeout=TIMEOUT_S) as answer:
                data = self._within(_read_within(answer, self._limit + 1))
                age_s = _age_s(answer.headers["Age"])
                told = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers["Last-Modified"]}
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NOT_MODIFIED and self._seen is not None:
                self.age_s = _age_s(error.headers["Age"])
                return None
            raise
        self.age_s = age_s
        self._seen = {name: value for name, value in told.items() if value}
        return data

    def _within(self, data: bytes) -> bytes:
        if len(data) > self._limit:
            raise SourceUnreadableError(f"{self.name} is larger than {self._limit} bytes", source=self.name)
        return data


def _age_s(told: str | None) -> float:
    """Seconds that an answer spent in caches; what is no number of them was in none (RFC 9111, section 5.1)."""
    text = (told or "").partition(",")[0].strip()
    return float(text[:9]) if text.isascii() and text.isdigit() else 0.0


def _read_within(answer: HTTPResponse, most_bytes: int) -> bytes:
    """The answer's content, however slowly it drips, until the whole exchange takes too long."""
    ends_at_s, found = time.monotonic() + EXCHANGE_S, bytearray()
    while len(found) < most_bytes and (chunk := answer.read1(min(_CHUNK_BYTES, most_bytes - len(found)))):
        found += chunk
        if time.monotonic() > ends_at_s:
            raise TimeoutError("the answer takes too long")
    if answer.length and len(found) < most_bytes:
        raise ConnectionError("the answer ended early")
    return bytes(found)

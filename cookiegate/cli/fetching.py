"""Reads key sets and status lists from files and http(s) addresses, and keeps the latter fresh."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import click

from cookiegate.errors import CookiegateError, SourceUnreadableError
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.statuses import StatusBook
from cookiegate.tokens.statuslist import SIGNED_LIMIT_BYTES, OpenedStatusList
from cookiegate.tokens.strictjson import read_object
from cookiegate.tokens.verifying import Verifier

TIMEOUT_S = 5.0
JWKS_LIMIT_BYTES = 1_048_576
REFRESH_S = 60.0
RETRY_S = 10.0
_SCHEMES = ("http", "https")


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


def is_address(source: str) -> bool:
    """Whether ``source`` is an http(s) address rather than a file."""
    return urlsplit(source).scheme in _SCHEMES


def read_source(source: str, limit_bytes: int) -> bytes:
    """The content of a file or an http(s) address.

    Args:
        source: a path, or an address.
        limit_bytes: largest content.

    Raises:
        SourceUnreadableError: naming the source, if it cannot be had whole within five seconds a step.
    """
    try:
        if is_address(source):
            with _opener.open(source, timeout=TIMEOUT_S) as answer:
                data: bytes = answer.read(limit_bytes + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(limit_bytes + 1)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise SourceUnreadableError(f"cannot read {source}: {reason}", source=source) from error
    if len(data) > limit_bytes:
        raise SourceUnreadableError(f"{source} is larger than {limit_bytes} bytes", source=source)
    return data


def read_jwks(source: str) -> dict[str, Any]:
    """A JWK set with at least one usable key.

    Raises:
        SourceUnreadableError: naming the source.
    """
    data = read_source(source, JWKS_LIMIT_BYTES)
    try:
        jwks = read_object(data)
        usable = len(PublicKeys(jwks))
    except ValueError as error:
        raise SourceUnreadableError(f"{source} is no JWK set: {error}", source=source) from error
    if not usable:
        raise SourceUnreadableError(f"{source} holds no ES256 signing key with a kid", source=source)
    return jwks


def load_status(book: StatusBook, source: str, keys: PublicKeys) -> OpenedStatusList:
    """Reads a status list token into the book, and gives it.

    Raises:
        SourceUnreadableError: if it cannot be read.
        StatusListError: if it cannot be trusted.
    """
    text = read_source(source, SIGNED_LIMIT_BYTES).decode("ascii", errors="replace")
    return book.load(text, keys)


class FollowedStatuses:
    """The given status lists and those beside them: a service opens a new list when the last one is full.

    A :class:`StatusSource`. A list that a signed token names is read when it is first met, from the address that the
    lists given by address were read from, and from nowhere else.

    Args:
        book: keeps the lists.
        keys: gives the trusted keys.
    """

    def __init__(self, book: StatusBook, keys: Callable[[], PublicKeys]) -> None:
        self.book = book
        self.sources: list[str] = []
        self._keys = keys
        self._beside: dict[str, str] = {}
        self._tried_at_s: dict[str, float] = {}

    def load(self, source: str) -> None:
        """Reads a list that was given; those beside it are followed if it was given by its address.

        Raises:
            SourceUnreadableError, StatusListError: as for :func:`load_status`.
        """
        opened = load_status(self.book, source, self._keys())
        if is_address(source):
            self._beside[opened.uri.rpartition("/")[0]] = source.rpartition("/")[0]
            self.sources.append(source)

    def status(self, uri: str, idx: int) -> int | None:
        """The status at a place of a list; None if the list cannot be had now."""
        found = self.book.status(uri, idx)
        if found is None and self._follow(uri):
            found = self.book.status(uri, idx)
        return found

    def _follow(self, uri: str) -> bool:
        folder, _, name = uri.rpartition("/")
        home, now_s = self._beside.get(folder), time.monotonic()
        if home is None or not name.isalnum() or now_s - self._tried_at_s.get(uri, -RETRY_S) < RETRY_S:
            return False
        self._tried_at_s[uri] = now_s
        source = f"{home}/{name}"
        try:
            load_status(self.book, source, self._keys())
        except CookiegateError as error:
            click.echo(f"Warning [{error.code}]: {error.detail}", err=True)
            return False
        if source not in self.sources:
            self.sources.append(source)
        return True


class Refresher:
    """Reads addresses again every minute, in the background, for as long as the ``with`` block lasts.

    A failure leaves what was read before: keys stay, and a list serves until it expires; from then on its tokens are
    refused. The first of each row of failures is said on stderr.

    Args:
        verifier: gets new keys.
        jwks: file or address of the key set.
        statuses: the lists.
        every_s: seconds between two rounds.
    """

    def __init__(
        self,
        verifier: Verifier,
        jwks: str,
        statuses: FollowedStatuses,
        every_s: float = REFRESH_S,
    ) -> None:
        self._verifier = verifier
        self._jwks_source = jwks
        self._statuses = statuses
        self._every_s = every_s
        self._stop = threading.Event()
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)

    def __enter__(self) -> Refresher:
        if is_address(self._jwks_source) or self._statuses.sources:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def refresh(self) -> None:
        """One round: keys first, for a new list may be signed by a new key."""
        if is_address(self._jwks_source):
            self._try(self._jwks_source, self._refresh_keys)
        keys = PublicKeys(self._verifier.jwks)
        for source in tuple(self._statuses.sources):
            self._try(source, partial(load_status, self._statuses.book, source, keys))

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.refresh()

    def _refresh_keys(self) -> None:
        jwks = read_jwks(self._jwks_source)
        if jwks != self._verifier.jwks:
            self._verifier.replace_keys(jwks)

    def _try(self, source: str, read: Callable[[], object]) -> None:
        try:
            read()
        except CookiegateError as error:
            if source not in self._failing:
                self._failing.add(source)
                click.echo(f"Warning [{error.code}]: {error.detail}", err=True)
        else:
            self._failing.discard(source)

"""Where accepted events go: JSON lines on disk, durable before they are acknowledged, or the collector behind us."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

from cookiegate.errors import CookiegateError
from cookiegate.gate import AcceptedRequest
from cookiegate.storage.group_commit import BatchLostError, GroupCommit

FORWARD_TIMEOUT_S = 5.0
_DROPPED_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding", "content-encoding"})


class UpstreamError(CookiegateError):
    """The collector behind the gate did not take the event; the tracker may send it again."""

    code = "upstream_unavailable"


class Sink(Protocol):
    """Takes what the gate let through."""

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Keeps or forwards one stripped request.

        Raises:
            StorageError, UpstreamError: it was not taken.
        """
        ...


class FileSink:
    """Appends to ``<folder>/<site>/<tracker>.jsonl``; requests of several threads share one sync."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._logs: dict[Path, GroupCommit] = {}

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Appends the lines of one stripped request and returns when they are on disk."""
        path = self._folder / site / f"{accepted.tracker}.jsonl"
        with self._mutex:
            log = self._logs.setdefault(path, GroupCommit(_FileCommitter(path)))
        lines = accepted.to_line()
        log.write(lambda append: append(lines))


class _FileCommitter:
    """One log file: a batch of lines is one write and one sync."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._batch: list[bytes] = []

    def begin(self) -> None:
        """Starts an empty batch."""
        self._batch = []

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Adds one request's lines."""
        return work(self._batch.append)

    def commit(self) -> None:
        """Writes and syncs; a batch that cannot be written whole is taken back."""
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._append(self._file, b"".join(self._batch))
        except OSError as error:
            raise BatchLostError(
                "the event log cannot be written now; try again", cause=type(error).__name__
            ) from error

    def _append(self, file: int, data: bytes) -> None:
        start = os.fstat(file).st_size
        try:
            if os.write(file, data) != len(data):
                raise OSError("short write")
            os.fdatasync(file)
        except OSError:
            os.ftruncate(file, start)
            raise

    def abandon(self) -> None:
        """Closes the file: after a failed sync the handle is not to be trusted."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class ForwardSink:
    """Sends stripped requests on to the collector behind the gate.

    Args:
        base_url: its address; the tracker's own path is added.
        threads: request threads of this process; half of them may wait for the collector, so that one that hangs
            takes neither the banner nor a withdrawal with it.
    """

    def __init__(self, base_url: str, threads: int) -> None:
        self._base_url = base_url
        self._places = threading.BoundedSemaphore(max(1, threads // 2))
        self._opener = urllib.request.build_opener(_NoRedirects)

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Sends one stripped request and returns when the collector took it."""
        path = accepted.path.removeprefix(f"/collect/{accepted.tracker}")
        headers = {name: value for name, value in accepted.headers.items() if name not in _DROPPED_HEADERS}
        if accepted.ip is not None:
            headers["X-Forwarded-For"] = accepted.ip
        headers["X-Consent-Subject"] = accepted.claims.sub
        headers["X-Consent-Scope"] = accepted.claims.scope
        headers["X-Consent-Acquire"] = accepted.claims.acquire
        request = urllib.request.Request(  # noqa: S310  the operator's own http(s) address, checked by the settings
            self._base_url + path, data=accepted.body, headers=headers, method=accepted.method
        )
        if not self._places.acquire(blocking=False):
            raise UpstreamError("the collector is slow and too many events wait for it; send this one again")
        try:
            with self._opener.open(request, timeout=FORWARD_TIMEOUT_S):
                return
        except (urllib.error.URLError, OSError, HTTPException) as error:
            raise UpstreamError("the collector did not take the event", cause=type(error).__name__) from error
        finally:
            self._places.release()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A collector that redirects is misconfigured; following it could leave the operator's network."""

    def redirect_request(self, *_: Any) -> None:
        return None

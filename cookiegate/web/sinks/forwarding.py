"""The collector behind us: one address from the settings, a few connections that are used again."""

from __future__ import annotations

import http.client
import re
import select
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from cookiegate.errors import CookiegateError
from cookiegate.gate.adapters.outgoing import BLOCK_BYTES, Outgoing
from cookiegate.web.sinks.deadlines import Deadline, Deadlines

MEGABYTE = 1_048_576
#: Servers close a connection that nobody uses, most after two seconds or more: ours are closed before.
IDLE_S = 1.5
_OF_THE_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
#: Source: RFC 9110 section 5.5, without the obsolete folding.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class UpstreamError(CookiegateError):
    """The collector behind the gate did not take the event; the tracker may send it again."""

    code = "upstream_unavailable"


class UpstreamSlowError(UpstreamError):
    """The collector behind the gate did not answer in time; nobody knows whether it took the event."""

    code = "upstream_slow"


class UpstreamBusyError(UpstreamError):
    """Too many events wait for collectors already."""

    code = "upstream_busy"


class _FinalResponse(http.client.HTTPResponse):
    """Passes over what a collector says before its answer, such as 103; a switch of protocols is for nobody here."""

    def begin(self) -> None:
        super().begin()
        while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = cast(Any, None)  # as before the first
            super().begin()


class Answer:
    """A collector's answer. Its connection is free again when all of it was read, and closed when it was not.

    Args:
        connection: where it comes from.
        response: its head has been read.
    """

    def __init__(self, upstream: Upstream, connection: http.client.HTTPConnection, deadline: Deadline) -> None:
        self._upstream = upstream
        self._connection = connection
        self._deadline = deadline
        connection.response_class = _FinalResponse
        self._response = connection.getresponse()
        self.status = self._response.status
        if not HTTPStatus.OK <= self.status <= 999:
            raise http.client.BadStatusLine(str(self.status))
        if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in self._response.getheaders()):
            raise http.client.HTTPException("a header that cannot be written again")
        named = (self._response.getheader("Connection") or "").lower().split(",")
        hidden = _OF_THE_CONNECTION | {name.strip() for name in named}
        self.headers = [(name, value) for name, value in self._response.getheaders() if name.lower() not in hidden]
        self._is_open = True

    def blocks(self) -> Iterator[bytes]:
        """The body, a block at a time.

        Raises:
            UpstreamError: it breaks off, or comes too slowly.
        """
        try:
            while block := self._block():
                yield block
        except TimeoutError as error:
            raise _slow(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _broken(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Lets go of the connection."""
        if self._is_open:
            self._is_open = False
            with suppress(TimeoutError):
                self._deadline.detach()
            is_over = self._response.isclosed() or self._response.length == 0
            self._response.close()
            is_whole = is_over and not self._deadline.was_cut and not self._response.will_close
            self._upstream.give_back(self._connection, is_usable=is_whole)

    def _block(self) -> bytes:
        # However slowly the visitor takes them, the collector has its time for each block.
        self._deadline.extend(self._upstream.timeout_s)
        taken = bytearray()
        while len(taken) < BLOCK_BYTES and (part := self._response.read1(BLOCK_BYTES - len(taken))):
            taken += part
        if self._deadline.was_cut:
            raise TimeoutError
        if len(taken) < BLOCK_BYTES and self._response.length:
            raise http.client.IncompleteRead(b"")
        return bytes(taken)


class Upstream:
    """Sends stripped requests on to one collector.

    Args:
        base_url: its address; the tracker's own path is added. Nothing else decides where a request goes: what a
            visitor sends does not, and redirects are not followed.
        timeout_s: for an answer, connecting included, and again for each megabyte of a body.
        places: requests that may be on their way to collectors at the same time.
        deadlines: cuts what takes too long.
    """

    def __init__(
        self, base_url: str, timeout_s: float, places: threading.BoundedSemaphore, deadlines: Deadlines
    ) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "", parts.port
        self._base_path = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.timeout_s = timeout_s
        self._places = places
        self._deadlines = deadlines
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        self._mutex = threading.Lock()

    def send(self, outgoing: Outgoing, path: str, headers: Mapping[str, str]) -> Answer:
        """Sends one request; close the answer when it was read.

        Args:
            outgoing: gives method and body.
            path: the tracker's own, with its query.
            headers: by name; those of the connection are added.

        Raises:
            UpstreamBusyError: no place is free; nothing was sent.
            UpstreamSlowError: it was not answered in time.
            UpstreamError: it cannot be reached, breaks off, redirects, or does not speak HTTP.
        """
        if not self._places.acquire(blocking=False):
            raise UpstreamBusyError("the collectors are slow and too many events wait for them; send this one again")
        deadline = self._deadlines.begin(self.timeout_s * (1 + outgoing.size // MEGABYTE))
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connect(deadline)
            answer = self._exchange(connection, deadline, outgoing, path, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            with suppress(TimeoutError):
                deadline.detach()
            self.give_back(connection, is_usable=False)
            if deadline.was_cut or isinstance(error, TimeoutError):
                raise _slow(error) from error
            raise _broken(error) from error
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST and answer.status != 304:
            answer.close()
            raise UpstreamError("the collector redirects; its address in the settings must be the final one")
        return answer

    def give_back(self, connection: http.client.HTTPConnection | None, *, is_usable: bool) -> None:
        """Takes back a connection, and its place."""
        if connection is not None and is_usable and connection.sock is not None:
            with self._mutex:
                self._idle.append((time.monotonic(), connection))
        elif connection is not None:
            connection.close()
        self._places.release()

    def close(self) -> None:
        """Closes the connections that wait for use."""
        with self._mutex:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _connect(self, deadline: Deadline) -> http.client.HTTPConnection:
        connection = self._reuse() or self._make()
        connection.timeout = deadline.left_s
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(deadline.left_s)
        deadline.attach(connection.sock)
        return connection

    def _reuse(self) -> http.client.HTTPConnection | None:
        """The connection that was used last, if nobody closed it since."""
        while True:
            with self._mutex:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_S and not _is_readable(connection):
                return connection
            connection.close()

    def _make(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port)
        return http.client.HTTPSConnection(self._host, self._port, context=self._tls)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        deadline: Deadline,
        outgoing: Outgoing,
        path: str,
        headers: Mapping[str, str],
    ) -> Answer:
        connection.putrequest(outgoing.accepted.method, self._base_path + path)
        for name, value in headers.items():
            connection.putheader(name, value)
        if outgoing.accepted.body is not None or outgoing.accepted.method != "GET":
            connection.putheader("Content-Length", str(outgoing.size))
        # A collector that refuses may close before it took all, and yet have answered.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders()
            for block in outgoing.blocks():
                if block:
                    connection.send(block)
        return Answer(self, connection, deadline)


def _is_readable(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side closed it, or said something that nobody asked for."""
    if connection.sock is None:
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _slow(error: Exception) -> UpstreamSlowError:
    return UpstreamSlowError("the collector did not answer in time", cause=type(error).__name__)


def _broken(error: Exception) -> UpstreamError:
    return UpstreamError("the collector did not take the event", cause=type(error).__name__)

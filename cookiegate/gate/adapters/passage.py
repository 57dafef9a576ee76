"""One request's way through a gate, whoever reads it from the wire: fed as its body comes, decided when it is whole."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import replace
from typing import Any

from cookiegate.errors import BodyTooLargeError
from cookiegate.gate import shapes
from cookiegate.gate.adapters.large import LargeBody
from cookiegate.gate.adapters.outgoing import Outgoing, Passed
from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import TrackerRequest
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.reasons import Denied, Reason

#: Largest body of a request whose events stand in a list, unless told.
BATCH_LIMIT_BYTES = 33_554_432
#: So much of a body that is too large is read and forgotten, since whoever is still sending does not hear the answer.
DRAINED_BYTES = 33_554_432
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_GZIP_MAGIC = b"\x1f\x8b"
_INFLATED_BLOCK = 262_144


class Passage:
    """Takes a request's body and gives what may go on of it.

    A body up to the gate's own limit is read as a whole. A larger one is filtered piece by piece, if its events stand
    in a list; any other is too large.

    Args:
        gate: decides.
        head: the request without its body.
        batch_limit_bytes: largest body with a list, before and after inflating.
    """

    def __init__(self, gate: Gate, head: TrackerRequest, batch_limit_bytes: int = BATCH_LIMIT_BYTES) -> None:
        self._gate = gate
        self._head = head
        path, _, self._query_text = head.path.partition("?")
        self._lists = [route for route in gate.routes(head.method, path) if route.events == "body" and _has_list(route)]
        self.limit_bytes = max(gate.body_limit_bytes, batch_limit_bytes) if self._lists else gate.body_limit_bytes
        self._raw = bytearray()
        self._plain = bytearray()
        self._taken = self._inflated = 0
        self._has_begun = False
        self._stream: Any = None
        self._large: LargeBody | None = None
        self._fault: Denied | None = None

    def announce(self, size: int) -> None:
        """Says how large the body will be.

        Raises:
            BodyTooLargeError: past the limit.
        """
        if size > self.limit_bytes:
            raise self._too_large(self.limit_bytes)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the body.

        Raises:
            BodyTooLargeError: past the limit.
        """
        self._taken += len(data)
        self.announce(self._taken)
        if self._large is None:
            self._raw += data
        if self._fault is None and self._lists:
            try:
                self._read(data)
            except Denied as denial:
                self._refuse(denial)
        if self._large is None and len(self._raw) > self._gate.body_limit_bytes:
            raise self._too_large(self._gate.body_limit_bytes)

    def end(self) -> Passed:
        """The outcome, when the body is whole. Close it when all has been sent.

        Raises:
            BodyTooLargeError: past the limit.
        """
        if self._large is None:
            return self._whole()
        try:
            if self._fault is not None:
                raise self._fault
            if self._stream is not None and not self._stream.eof:
                raise Denied(Reason.EVENT_MALFORMED)
            self._large.feed(bytes(self._plain), is_last=True)
            return self._large.end()
        except Denied as denial:
            self._large.close()
            if denial.reason is Reason.BODY_TOO_LARGE:
                raise self._too_large(self._gate.body_limit_bytes, "an event") from denial
            counts = Counts()
            counts.dropped[denial.reason] = 1
            return Passed(counts=counts)

    def close(self) -> None:
        """Forgets a request that does not get to its end."""
        if self._large is not None:
            self._large.close()

    def _whole(self) -> Passed:
        filtered = self._gate.filter(replace(self._head, body=bytes(self._raw)))
        if Reason.BODY_TOO_LARGE in filtered.counts.dropped:
            raise self._too_large(self._gate.body_limit_bytes)
        outgoing = [Outgoing(accepted, self._gate.allowed(accepted.claims)) for accepted in filtered.accepted]
        return Passed(outgoing, filtered.counts)

    def _read(self, data: bytes) -> None:
        """Inflates, and begins to filter in pieces as soon as there is more than is read as a whole."""
        if not self._has_begun:
            data = bytes(self._raw)
            if len(data) < len(_GZIP_MAGIC):
                return
            self._has_begun = True
            self._begin(data)
        if self._stream is None:
            self._plain += data
            self._pass_on()
            return
        is_more = True
        while is_more:
            try:
                found = self._stream.decompress(data, _INFLATED_BLOCK)
            except zlib.error as error:
                raise Denied(Reason.EVENT_MALFORMED) from error
            if self._stream.unused_data:
                raise Denied(Reason.EVENT_MALFORMED)
            self._plain += found
            data = self._stream.unconsumed_tail
            is_more = bool(data) or len(found) == _INFLATED_BLOCK  # it may hold more of what it has read
            self._pass_on()

    def _begin(self, data: bytes) -> None:
        headers = {name.lower(): value for name, value in self._head.headers.items()}
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            encoding = "gzip" if data.startswith(_GZIP_MAGIC) else ""
        if encoding and encoding not in _WINDOWS:
            raise Denied(Reason.ENCODING_UNKNOWN)
        self._stream = zlib.decompressobj(_WINDOWS[encoding]) if encoding else None

    def _pass_on(self) -> None:
        if self._large is None:
            if len(self._plain) <= self._gate.body_limit_bytes:
                return
            self._large = self._begin_large()
            self._raw.clear()
        data = bytes(self._plain)
        self._plain.clear()
        self._inflated += len(data)
        self.announce(self._inflated)
        self._large.feed(data)

    def _begin_large(self) -> LargeBody:
        # A byte order mark is no JSON, and the reader of the list says so, as it is said of a small body.
        start = bytes(self._plain).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
        route = next((route for route in self._lists if start == b"[" and route.many), None)
        route = route or next((route for route in self._lists if start == b"{" and route.list_at is not None), None)
        if route is None:
            raise self._too_large(self._gate.body_limit_bytes)
        query = shapes.read_query(self._query_text)
        return LargeBody(self._gate, self._head, query, route)

    def _refuse(self, denial: Denied) -> None:
        # The rest is still read, so that the tracker hears the answer.
        self._fault = denial
        self._plain.clear()
        if denial.reason is Reason.BODY_TOO_LARGE:
            raise self._too_large(self._gate.body_limit_bytes, "an event") from denial

    def _too_large(self, limit_bytes: int, what: str = "the body") -> BodyTooLargeError:
        return BodyTooLargeError(f"{what} is larger than {limit_bytes} bytes", limit_bytes=limit_bytes)


def _has_list(route: Route) -> bool:
    return not route.levels and (route.many or route.list_at is not None)

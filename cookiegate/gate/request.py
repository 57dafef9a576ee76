"""A tracker's request on its way in, and what may go on of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cookiegate.gate import shapes
from cookiegate.gate.counts import Counts
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason

#: A tracker's body may be 1 MB; escaped in JSON, with its headers, a line is a little more than twice that.
LINE_LIMIT_BYTES = 4_194_304


@dataclass(frozen=True, slots=True)
class TrackerRequest:
    """One request of a tracker, as a proxy logged it or a server got it.

    Args:
        method: HTTP method.
        path: path with its query.
        headers: name → value, names in any case.
        body: text, or bytes.
        body_base64: the body where ``body`` is None.
        received_at: RFC 3339.
        ip: the client's address, as the receiver believes it.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None
    body_base64: str | None = None
    received_at: str | None = None
    ip: str | None = None


class _Line(msgspec.Struct):
    method: str
    path: str
    headers: dict[str, str | list[str]] = {}
    body: str | None = None
    body_base64: str | None = None
    received_at: str | None = None
    ip: str | None = None


_read_line = msgspec.json.Decoder(_Line).decode
_read_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_line(line: bytes) -> TrackerRequest:
    """The request in one JSON line.

    Raises:
        Denied: event_malformed.
    """
    try:
        read = _read_line(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Denied(Reason.EVENT_MALFORMED) from error
    headers = {name: value if isinstance(value, str) else ", ".join(value) for name, value in read.headers.items()}
    return TrackerRequest(read.method, read.path, headers, read.body, read.body_base64, read.received_at, read.ip)


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """What may go on of a request: the events of one grant. Everything in it is granted, and no token is.

    Args:
        tracker: the tracker's name.
        claims: the grant.
        method: HTTP method.
        path: path, with a query if the tracker sends its event in it.
        headers: granted headers by lower-case name.
        body: the stripped body to forward; None for a request without one.
        received_at: as it came.
        ip: as the grant allows it, or None.
        kept: the stripped events; None where body or path alone have them.
        route: tells where they have them.
    """

    tracker: str
    claims: Claims
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    received_at: str | None
    ip: str | None
    kept: Sequence[dict[str, Any]] | None = None
    route: Route | None = None

    @property
    def events(self) -> list[dict[str, Any]]:
        """The stripped events."""
        if self.kept is not None:
            return list(self.kept)
        return [] if self.route is None else shapes.events_of(self.route, self.path, self.body)

    def _written(self) -> Sequence[Any]:
        """The stripped events of ``plain``, as objects or as their JSON."""
        if self.kept is not None:
            return self.kept
        body = self.body or b"[]"
        return _read_texts(body) if body.startswith(b"[") else [msgspec.Raw(body)]

    def to_line(self) -> bytes:
        """The JSON lines to log, each ended by a newline: for ``plain`` a line per event, else one for the request."""
        if self.tracker == "plain":
            return b"".join(msgspec.json.encode(event) + b"\n" for event in self._written())
        line: dict[str, Any] = {"received_at": self.received_at, "ip": self.ip}
        line = {name: value for name, value in line.items() if value is not None}
        line |= {"method": self.method, "path": self.path, "headers": self.headers}
        line["body"] = None if self.body is None else self.body.decode()
        line["consent"] = self.claims.stamp
        return msgspec.json.encode(line) + b"\n"


@dataclass(frozen=True, slots=True)
class Filtered:
    """The outcome of one request: what goes on, one entry per grant in it, and what was counted."""

    accepted: list[AcceptedRequest] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

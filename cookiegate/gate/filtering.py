"""One request of a tracker on its way through a gate: read, decided event by event, stripped, put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Protocol, TypeAlias

from cookiegate.gate import bodies, shapes
from cookiegate.gate.allowance import Allowance
from cookiegate.gate.carriers import TOKEN_PARAMETER, Scrubber, request_tokens, says_refused
from cookiegate.gate.counts import Counts
from cookiegate.gate.events import STAMP_FIELD, EventRules, OpenEvent
from cookiegate.gate.headers import HeaderRules, received_at
from cookiegate.gate.ip import filter_address
from cookiegate.gate.quick_requests import QuickRequests
from cookiegate.gate.request import AcceptedRequest, Filtered, TrackerRequest
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason

#: Claims, allowance, and number and rest of the event.
_Kept: TypeAlias = tuple[Claims, Allowance, int, dict[str, Any]]
#: Why the issuer's signature was not found; a stranger's junk is not worth looking for in texts.
_UNSIGNED = frozenset(
    {
        Reason.TOKEN_MISSING,
        Reason.TOKEN_OVERSIZED,
        Reason.TOKEN_MALFORMED,
        Reason.ALGORITHM_DENIED,
        Reason.TYPE_DENIED,
        Reason.KEY_UNKNOWN,
        Reason.SIGNATURE_INVALID,
    }
)


class FilteringGate(Protocol):
    """What filtering needs of its gate."""

    table: TrackerTable
    rules: EventRules
    header_rules: HeaderRules
    body_limit_bytes: int
    quick: QuickRequests

    def received_ms(self, received_at: str | None) -> int:
        """When a request was received."""
        ...

    def decide_event(self, opened: OpenEvent, token: Any, received_ms: int | None = None) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token that is good for an event; Denied otherwise."""
        ...

    def routes(self, method: str, path: str) -> Sequence[Route]:
        """The tracker's routes at an address; empty if it does not send there."""
        ...


@dataclass(slots=True)
class _LeftOfShared:
    """What one grant leaves of a member that events share, the names of what goes, and how many events it concerns."""

    kept: dict[str, Any] = field(default_factory=dict)
    stripped: list[str] = field(default_factory=list)
    times: int = 0


class Filtering:
    """One request on its way through a gate.

    Args:
        gate: decides.
        request: the request.
    """

    def __init__(self, gate: FilteringGate, request: TrackerRequest) -> None:
        self._gate = gate
        self._request = request
        self._path, _, self._query_text = request.path.partition("?")
        self._routes = gate.routes(request.method, self._path)
        #: Whether the query is the event, whatever is in the body.
        self._is_query = bool(self._routes) and all(route.events == "query" for route in self._routes)
        self._headers = {name.lower(): value for name, value in request.headers.items()}
        self._received_ms = gate.received_ms(request.received_at)
        self._counts = Counts()
        self._opened_shared: dict[int, dict[str, Any]] = {}
        self._opened_parts: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._left_of_shared: dict[tuple[int, int], tuple[list[_LeftOfShared], dict[str, Any]]] = {}
        self._left_of_parts: dict[tuple[str, int, int], _LeftOfShared] = {}
        # Of the events' own tokens those that the issuer signed, good here or not: each is good somewhere.
        self._signed: list[Any] = []

    def run(self) -> Filtered:
        """The outcome."""
        try:
            self._check_text()
            query = shapes.read_query(self._query_text) if self._query_text else {}
            data = self._unpack()
            # The quick way does not decode.
            if self._was_encoded(data) and (quick := self._gate.quick.filter(self._request, data)) is not None:
                return quick
            beside = {name: value for name, value in query.items() if name != TOKEN_PARAMETER}
            opened = shapes.read(self._routes, data, beside, self._headers.get("content-type", ""))
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            return Filtered([], self._counts)
        if says_refused(self._headers.get("cookie", "")):
            self._counts.dropped[Reason.WITHDRAWN] += len(opened.events)
            return Filtered([], self._counts)
        tokens = request_tokens(self._headers, query)
        decided = [
            (number, *found)
            for number, (event, shared) in enumerate(zip_longest(opened.events, opened.shared))
            if (found := self._decide(event, shared, tokens))
        ]
        self._scrubber = Scrubber((*tokens, *self._signed))
        groups: dict[str, list[_Kept]] = {}
        for number, event, claims, allowance in decided:
            self._strip(number, event, claims, allowance, groups)
        for part in self._left_of_parts.values():
            self._counts.strip(part.stripped, part.times)
        return Filtered([self._accept(opened, query, group) for group in groups.values()], self._counts)

    def _check_text(self) -> None:
        """Half of a surrogate pair, which a program may hand over, cannot be written again."""
        text = "".join((self._request.path, *self._headers, *self._headers.values()))
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise Denied(Reason.EVENT_MALFORMED) from error

    def _unpack(self) -> bytes:
        """The body, where the events are in it."""
        if not self._routes:
            raise Denied(Reason.TRACKER_MISMATCH)
        if self._is_query:
            return b""
        request, encoding = self._request, self._headers.get("content-encoding", "")
        return bodies.read_bytes(request.body, request.body_base64, encoding, self._gate.body_limit_bytes)

    def _was_encoded(self, data: bytes) -> bool:
        """Whether the body is not what came."""
        return bool(data) and not isinstance(self._request.body, str) and data is not self._request.body

    def _decide(
        self, event: Any, shared: Mapping[str, Any] | None, tokens: Sequence[str]
    ) -> tuple[OpenEvent, Claims, Allowance] | None:
        """Reads an event and decides about its token: its own if there is one, else the request's first."""
        opened = None
        try:
            opened = self._gate.rules.open(event, self._open_shared(shared) if shared else None)
            first = tokens[0] if tokens else None
            token = first if opened.token is None else opened.token
            claims, allowance = self._gate.decide_event(opened, token, self._received_ms)
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            if opened is not None and denial.reason not in _UNSIGNED:
                self._signed.append(opened.token)
            return None
        self._signed.append(opened.token)
        return opened, claims, allowance

    def _strip(
        self, number: int, event: OpenEvent, claims: Claims, allowance: Allowance, groups: dict[str, list[_Kept]]
    ) -> None:
        stripped: list[str] = []
        try:
            kept = self._gate.rules.strip(event, allowance, self._scrubber, stripped)
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            return
        if event.shared:
            kept |= self._strip_shared(event.shared, allowance)
        self._counts.accepted += 1
        self._counts.strip(stripped)
        groups.setdefault(bytes(claims.stamp).decode(), []).append((claims, allowance, number, kept))

    def _open_shared(self, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        # Once for all events that share it, and a member once for all who share that: the work must not be the events'
        # number, or that of what is around them, times its size.
        found = self._opened_shared.get(id(shared))
        if found is None:
            found = self._opened_shared[id(shared)] = {}
            for key, members in _parts(shared):
                if key not in self._opened_parts:
                    self._opened_parts[key] = self._gate.rules.open_shared(members)
                found |= self._opened_parts[key]
        return found

    def _strip_shared(self, shared: Mapping[str, Any], allowance: Allowance) -> dict[str, Any]:
        grant = id(allowance)
        found = self._left_of_shared.get((id(shared), grant))
        if found is None:
            found = self._left_of_shared[id(shared), grant] = [], {}
            for told, members in _parts(shared):
                part = self._left_of_parts.get((*told, grant))
                if part is None:
                    part = self._left_of_parts[*told, grant] = _LeftOfShared()
                    part.kept = self._gate.rules.strip_shared(members, allowance, self._scrubber, part.stripped)
                found[0].append(part)
                found[1].update(part.kept)
        parts, kept = found
        for part in parts:
            part.times += 1
        return kept

    def _accept(self, opened: shapes.Opened, query: Mapping[str, str], group: list[_Kept]) -> AcceptedRequest:
        claims, allowance, _, _ = group[0]
        kept = [(number, event) for _, _, number, event in group]
        if self._gate.table.name == "plain":
            kept = [(number, {**event, STAMP_FIELD: claims.stamped()}) for number, event in kept]
        names: list[str] = []
        around = self._gate.rules.strip_around(opened.route, opened.around, allowance, self._scrubber, names)
        headers, address = self._strip_head(opened.route, allowance, names)
        own = shapes.write_pairs(shapes.write_query(opened, kept))
        query_left = own or shapes.write_pairs(self._beside(opened.route, query, allowance, names))
        self._counts.strip(names)
        return AcceptedRequest(
            tracker=self._gate.table.name,
            claims=claims,
            method=opened.route.method,
            path=f"{self._path}?{query_left}" if query_left else self._path,
            headers=headers,
            body=shapes.write(opened, kept, around),
            received_at=received_at(self._request.received_at),
            ip=address,
            kept=[event for _, event in kept],
            route=opened.route,
        )

    def _strip_head(self, route: Route, allowance: Allowance, names: list[str]) -> tuple[dict[str, str], str | None]:
        """What stays of the headers and of the client's address."""
        request = self._request
        written = None if route.events == "query" else route.content_type or self._gate.table.content_type
        headers = self._gate.header_rules.strip(self._headers, allowance, self._scrubber, names, written)
        if request.ip is None:
            return headers, None
        if not allowance.ip:
            names.append("ip")
        return headers, filter_address(request.ip, granted=allowance.ip, truncating=allowance.truncate_ip)

    def _beside(self, route: Route, query: Mapping[str, str], allowance: Allowance, names: list[str]) -> dict[str, str]:
        """What stays of the parameters beside a body."""
        found: dict[str, str] = {}
        for name, value in query.items() if route.events in ("body", "form") else ():
            if route.query.get(name) in allowance.categories:
                found[name] = self._scrubber.text(value)
            elif name not in (TOKEN_PARAMETER, route.compression):
                names.append(f"query {name}")
        return found


def _parts(shared: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    """What events share, in parts that others may share too, by what tells a part: each object or list alone."""
    plain: dict[str, Any] = {}
    for name, value in shared.items():
        if isinstance(value, dict | list):
            yield (name, id(value)), {name: value}
        else:
            plain[name] = value
    if plain:
        yield ("", id(shared)), plain

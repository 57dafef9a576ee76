"""One request of a tracker on its way through a gate: read, decided event by event, stripped, put together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlencode

import msgspec

from cookiegate.gate import bodies
from cookiegate.gate.allowance import Allowance
from cookiegate.gate.carriers import TOKEN_PARAMETER, Scrubber, request_tokens, says_refused
from cookiegate.gate.counts import Counts
from cookiegate.gate.events import STAMP_FIELD, EventRules, OpenEvent
from cookiegate.gate.headers import HeaderRules, received_at
from cookiegate.gate.ip import filter_address
from cookiegate.gate.request import AcceptedRequest, Filtered, TrackerRequest
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason

_QUERY_FIELDS_LIMIT = 512
_Kept: TypeAlias = tuple[Claims, Allowance, dict[str, Any]]


class FilteringGate(Protocol):
    """What filtering needs of its gate."""

    table: TrackerTable
    rules: EventRules
    header_rules: HeaderRules
    body_limit_bytes: int

    def decide(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a good token; Denied otherwise."""
        ...

    def route(self, method: str, path: str) -> Route | None:
        """The tracker's route; None if it does not send there."""
        ...


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
        self._headers = {name.lower(): value for name, value in request.headers.items()}
        self._counts = Counts()
        self._as_list = False

    def run(self) -> Filtered:
        """The outcome."""
        try:
            route = self._route()
            query = self._query()
            if route.events == "query":
                events = [{name: value for name, value in query.items() if name != TOKEN_PARAMETER}]
            else:
                events = self._body_events()
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            return Filtered([], self._counts)
        if says_refused(self._headers.get("cookie", "")):
            self._counts.dropped[Reason.WITHDRAWN] += len(events)
            return Filtered([], self._counts)
        tokens = request_tokens(self._headers, query)
        decided = [found for event in events if (found := self._decide(event, tokens)) is not None]
        # Only tokens that are good somewhere here are worth looking for; a stranger's junk would only cost time.
        self._scrubber = Scrubber((*tokens, *{event.token for event, _, _ in decided if event.token is not None}))
        groups: dict[str, list[_Kept]] = {}
        for event, claims, allowance in decided:
            self._strip(event, claims, allowance, groups)
        if groups and route.events == "body":
            self._counts.strip(f"query {name}" for name in query if name != TOKEN_PARAMETER)
        return Filtered([self._accept(route, group) for group in groups.values()], self._counts)

    def _route(self) -> Route:
        route = self._gate.route(self._request.method, self._path)
        if route is None:
            raise Denied(Reason.TRACKER_MISMATCH)
        return route

    def _query(self) -> dict[str, Any]:
        try:
            pairs = parse_qsl(
                self._query_text, keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS_LIMIT
            )
        except ValueError as error:
            raise Denied(Reason.EVENT_MALFORMED) from error
        found: dict[str, Any] = {}
        for name, value in pairs:
            found.setdefault(name, value)
        return found

    def _body_events(self) -> list[Any]:
        request, table = self._request, self._gate.table
        encoding = self._headers.get("content-encoding", "")
        data = bodies.read_bytes(request.body, request.body_base64, encoding, self._gate.body_limit_bytes)
        body = bodies.read_json(data)
        if table.list_at is not None:
            events = body.get(table.list_at) if isinstance(body, dict) else None
            if not isinstance(events, list) or not self._is_envelope(body):
                raise Denied(Reason.EVENT_MALFORMED)
            return events
        self._as_list = table.many and isinstance(body, list)
        return body if self._as_list else [body]

    def _is_envelope(self, body: Mapping[str, Any]) -> bool:
        # Another minor version of the envelope's schema holds the same list.
        return all(
            str(body.get(name)).rpartition("/")[0] == text.rpartition("/")[0]
            for name, text in self._gate.table.envelope.items()
        )

    def _decide(self, event: Any, tokens: Sequence[str]) -> tuple[OpenEvent, Claims, Allowance] | None:
        """Reads an event and decides about its token: its own if there is one, else the request's first."""
        try:
            opened = self._gate.rules.open(event)
            first = tokens[0] if tokens else None
            claims, allowance = self._gate.decide(first if opened.token is None else opened.token)
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            return None
        return opened, claims, allowance

    def _strip(self, event: OpenEvent, claims: Claims, allowance: Allowance, groups: dict[str, list[_Kept]]) -> None:
        stripped: list[str] = []
        try:
            kept = self._gate.rules.strip(event, allowance, self._scrubber, stripped)
        except Denied as denial:
            self._counts.dropped[denial.reason] += 1
            return
        self._counts.accepted += 1
        self._counts.strip(stripped)
        groups.setdefault(bytes(claims.stamp).decode(), []).append((claims, allowance, kept))

    def _accept(self, route: Route, group: list[_Kept]) -> AcceptedRequest:
        claims, allowance, _ = group[0]
        request, table = self._request, self._gate.table
        events = [kept for _, _, kept in group]
        if table.name == "plain":
            events = [{**event, STAMP_FIELD: claims.stamped()} for event in events]
        names: list[str] = []
        headers = self._gate.header_rules.strip(self._headers, allowance, self._scrubber, names)
        address = filter_address(request.ip, granted=allowance.ip, truncating=allowance.truncate_ip)
        if request.ip is not None and not allowance.ip:
            names.append("ip")
        self._counts.strip(names)
        in_query = route.events == "query"
        path = f"{self._path}?{urlencode(events[0])}" if in_query else self._path
        body = None if in_query else self._body(events)
        at = received_at(request.received_at)
        return AcceptedRequest(table.name, claims, route.method, path, headers, events, body, at, address)

    def _body(self, events: list[dict[str, Any]]) -> bytes:
        table = self._gate.table
        if table.list_at is not None:
            return msgspec.json.encode({**table.envelope, table.list_at: events})
        return msgspec.json.encode(events if self._as_list else events[0])

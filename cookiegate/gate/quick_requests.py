"""The quick way for requests: what the grant of their token leaves of them is copied from their text.

It takes the requests whose events all go by one good token and hold nothing odd; the thorough way decides about all
others, and alone about refusals. Both ways give the same requests and counts; property tests hold them to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from cookiegate.gate import shapes
from cookiegate.gate.counts import Counts
from cookiegate.gate.known_tokens import GrantingGate, KnownTokens
from cookiegate.gate.projecting import IS_COMPILED, compiled
from cookiegate.gate.request import AcceptedRequest, Filtered, TrackerRequest
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.claims import Claims

if TYPE_CHECKING:
    from cookiegate.gate._projection import Requests, _Entry

#: Larger bodies take the thorough way.
_BODY_LIMIT_BYTES = 1 << 26


class RequestGate(GrantingGate, Protocol):
    """What the quick way needs of its gate."""

    body_limit_bytes: int

    @property
    def addresses(self) -> Mapping[tuple[str, str], Sequence[Route]]:
        """The routes by method and path."""
        ...


class QuickRequests:
    """Filters requests for one gate. Safe for threads.

    Args:
        gate: decides.
    """

    def __init__(self, gate: RequestGate) -> None:
        self._gate = gate
        #: How requests are read; None where only the thorough way can.
        self.reader = _reader(gate)
        #: What is known of their tokens.
        self.known = KnownTokens(gate, gate.table.routes) if self.reader is not None else None

    def filter(self, request: TrackerRequest, data: bytes | None = None) -> Filtered | None:
        """What goes on of a request, and its counts; None if the thorough way must look.

        Args:
            request: the request.
            data: its body if that was encoded; its own otherwise.
        """
        body = request.body if data is None else data
        if self.reader is None or self.known is None or (body is None and request.body_base64 is not None):
            return None
        moment, now_ms = self.known.look(), self._gate.verifier.now_ms()
        headers = dict(request.headers)  # nobody else's while it is read
        for _ in range(2):
            outcome = compiled.project_request(
                self.reader, moment.grants, moment.stands, moment.number, now_ms, request.method, request.path,
                headers, body, data is not None, request.received_at, request.ip,
            )  # fmt: skip
            if type(outcome) is not str:
                return None if outcome is None else self._accept(request, *outcome)
            if not self.known.remember(moment, outcome):
                break
        return None

    def _accept(
        self,
        request: TrackerRequest,
        number: int,
        claims: Claims,
        headers: dict[str, str],
        body: bytes | None,
        query: str,
        address: str | None,
        events: int,
        stripped: Mapping[str, int],
    ) -> Filtered:
        table = self._gate.table
        route = table.routes[number]
        path = request.path.partition("?")[0]
        counts = Counts(events)
        counts.strip_all(stripped)
        accepted = AcceptedRequest(
            table.name, claims, route.method, f"{path}?{query}" if query else path, headers, body,
            request.received_at, address, None, route,
        )  # fmt: skip
        return Filtered([accepted], counts)


def _reader(gate: RequestGate) -> Requests | None:
    """How requests are read; None where only the thorough way can."""
    if not IS_COMPILED:
        return None
    numbers = {route: number for number, route in enumerate(gate.table.routes)}
    choices: dict[tuple[int, ...], int] = {}
    addresses: dict[str, _Entry] = {}
    for (method, path), routes in gate.addresses.items():
        choice = tuple(numbers[route] for route in shapes.choices(routes))
        addresses[f"{method} {path}"] = 0, None, choices.setdefault(choice, len(choices)), None
    try:
        return compiled.Requests(
            addresses=("", addresses, 0),
            choices=tuple(choices),
            folded=gate.table.token_schema is not None,
            body_limit=min(gate.body_limit_bytes, _BODY_LIMIT_BYTES),
            events_limit=shapes.EVENTS_LIMIT,
            event_bytes=shapes.EVENT_BYTES,
            leeway_s=gate.verifier.leeway_s,
            checks_times=gate.checks_times,
            stamps_events=gate.table.name == "plain",
        )
    except (ValueError, OverflowError):  # more addresses than are read quickly
        return None

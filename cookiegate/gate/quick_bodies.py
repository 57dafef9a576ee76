"""The quick way for JSON bodies and queries: what their grant leaves of them is copied from their text.

It takes the requests whose events all go by one good token and hold nothing odd; the thorough way decides about all
others, and alone about refusals. Both ways give the same requests and counts; a property test holds them to that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from cookiegate.gate.allowance import Allowance
from cookiegate.gate.counts import Counts
from cookiegate.gate.event_times import EventTimes
from cookiegate.gate.projecting import ProjectingGate, Projections
from cookiegate.gate.shapes import EVENT_BYTES, EVENTS_LIMIT
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens import base64url
from cookiegate.tokens.claims import TOKEN_LIMIT_CHARS, Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

#: Where a token may be: a member's value or an attribute's, a field of a query, a member in a document.
_MEMBER = rb'"%b"\s*(?::|,\s*"value"\s*:\s*\{\s*"stringValue"\s*:)\s*"([A-Za-z0-9_.-]{64,4096})"'
_FIELD = rb'(?<![^?&"])%b=([A-Za-z0-9_.-]{64,4096})'
_IN_DOCUMENT = re.compile(rb'(?:\\?"|%22)token(?:\\?"\s*:\s*\\?"|%22%3A%22)([A-Za-z0-9_.-]{64,4096})', re.ASCII)
#: Where a document may be.
_DOCUMENT_MEMBER = rb'"%b"\s*:\s*"([A-Za-z0-9_-]+)'
_DOCUMENT_FIELD = rb'(?<![^?&"])%b=([A-Za-z0-9_-]+)'
#: So far is a token looked for: the first event has it, or what is beside the body.
_GLIMPSE_BYTES = 16_384
#: What JSON spells in one way alone, and is no longer than a token, so that it can be looked for in texts.
_PLAIN = re.compile(rf"[A-Za-z0-9_.-]{{0,{TOKEN_LIMIT_CHARS}}}", re.ASCII)


class QuickGate(ProjectingGate, Protocol):
    """What the quick way needs of its gate."""

    verifier: Verifier
    projections: Projections

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...


class _Needles:
    """Looks for what may be the token of a text, by the places that a tracker's table names.

    Args:
        table: the table.
        is_query: whether the text is a query or has some; JSON otherwise.
    """

    def __init__(self, table: TrackerTable, *, is_query: bool) -> None:
        names = table.token_fields if is_query else dict.fromkeys(table.split(path)[-1] for path in table.token_fields)
        start = b"%b=" if is_query else b'"%b"'
        self._tokens = [self._needle(name, start, _FIELD if is_query else _MEMBER) for name in names]
        documents = table.documents.items() if table.token_schema is not None else ()
        self._may_be_folded = bool(documents)
        #: How the text spells the token's name in a document that is not in base64.
        self._member = b"token%22" if is_query else b'token\\"'
        behind = _DOCUMENT_FIELD if is_query else _DOCUMENT_MEMBER
        self._documents = [self._needle(name, start, behind) for name, document in documents if document.base64]

    @staticmethod
    def _needle(name: str, start: bytes, behind: bytes) -> tuple[bytes, re.Pattern[bytes]]:
        return start % name.encode(), re.compile(behind % re.escape(name.encode()), re.ASCII)

    @staticmethod
    def _find(needle: tuple[bytes, re.Pattern[bytes]], data: bytes) -> str | None:
        name, pattern = needle
        place = data.find(name, 0, _GLIMPSE_BYTES)
        while place >= 0:
            if (found := pattern.match(data, place)) is not None:
                return found[1].decode()
            place = data.find(name, place + 1, _GLIMPSE_BYTES)
        return None

    def find(self, data: bytes) -> str | None:
        """The first text that may be a token in its own place."""
        for needle in self._tokens:
            if (found := self._find(needle, data)) is not None:
                return found
        return self._find_folded(data) if self._may_be_folded else None

    def _find_folded(self, data: bytes) -> str | None:
        texts = [data[:_GLIMPSE_BYTES]] if data.find(self._member, 0, _GLIMPSE_BYTES) >= 0 else []
        for needle in self._documents:
            if (document := self._find(needle, data)) is not None:
                with suppress(ValueError):
                    texts.append(base64url.decode(document))
        return next((found[1].decode() for text in texts if (found := _IN_DOCUMENT.search(text)) is not None), None)


@dataclass(frozen=True, slots=True)
class QuickBody:
    """What a grant leaves of a body.

    Args:
        token, claims, allowance: the grant.
        body: the body with what stays of its events.
    """

    token: str
    claims: Claims
    allowance: Allowance
    body: bytes


class QuickBodies:
    """Filters JSON bodies, and queries, for one gate. Safe for threads.

    Args:
        gate: decides.
    """

    def __init__(self, gate: QuickGate) -> None:
        self._gate = gate
        self._stamped = gate.table.name == "plain"
        self._times: EventTimes = gate.rules.times
        self._in_json, self._in_queries = (_Needles(gate.table, is_query=is_query) for is_query in (False, True))

    def filter(
        self, route: Route, data: bytes, tokens: Sequence[str], received_ms: int, counts: Counts
    ) -> QuickBody | None:
        """What stays of a body, and its counts; None if the thorough way must look at it, and nothing is counted.

        Args:
            route: the body's route.
            data: the body, inflated; the query of a route whose event that is.
            tokens: those that the request carries beside it, the deciding one first.
            received_ms: when it was received, milliseconds since 1970.
            counts: receives what was accepted and stripped.
        """
        needles = self._in_queries if "query" in (route.events, route.items) else self._in_json
        token = needles.find(data) or (tokens[0] if tokens else None)
        if token is None or type(data) is not bytes or not all(map(_PLAIN.fullmatch, (token, *tokens))):
            return None
        gate = self._gate
        try:
            claims, allowance = gate.granted(token)
        except Denied:
            return None
        projection = gate.projections.of(route, allowance)
        reason = gate.verifier.standing(expires=not gate.takes_late_events)(claims)
        if projection is None or reason is not Reason.OK or gate.rules.binding.concerns(claims):
            return None
        left = projection.body(
            data,
            tuple(route.envelope.items()),
            route.many,
            max(EVENTS_LIMIT, len(data) // EVENT_BYTES),
            token,
            bytes(claims.stamp) if self._stamped else b"",
            bool(tokens) and token == tokens[0],
            (token, *tokens),
            not gate.checks_times or self._times.covers(claims, received_ms, gate.verifier.leeway_s),
            self._times.earliest_ms(claims),
            claims.exp * 1000,
            received_ms,
        )
        if left is None:
            return None
        body, events, stripped = left
        counts.accepted += events
        counts.strip_all(stripped)
        return QuickBody(token, claims, allowance, body)

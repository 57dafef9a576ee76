"""The quick way for JSON bodies: what their grant leaves of them is copied from their text.

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
from cookiegate.gate.events import EventRules
from cookiegate.gate.projecting import Projections
from cookiegate.gate.shapes import EVENT_BYTES, EVENTS_LIMIT
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens import base64url
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

#: What may be a token, behind its name: as a member's value or as an attribute's.
_BEHIND = rb'\s*(?::|,\s*"value"\s*:\s*\{\s*"stringValue"\s*:)\s*"([A-Za-z0-9_.-]{64,4096})"'
_TEXT_BEHIND = rb'\s*:\s*"([A-Za-z0-9_-]+)'
_IN_DOCUMENT = re.compile(rb'\\?"token\\?"\s*:\s*\\?"([A-Za-z0-9_.-]{64,4096})\\?"', re.ASCII)
#: So far is a token looked for: the first event has it, or what is beside the body.
_GLIMPSE_BYTES = 16_384
#: What JSON spells in one way alone, so that it can be looked for in its text.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*", re.ASCII)


class QuickGate(Protocol):
    """What the quick way needs of its gate."""

    table: TrackerTable
    rules: EventRules
    verifier: Verifier
    checks_times: bool
    projections: Projections

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...


class _Needle:
    """Looks for a member of JSON text, and for what stands behind its name.

    Args:
        name: the member's.
        behind: an expression with one group.
    """

    def __init__(self, name: str, behind: bytes) -> None:
        self._name = f'"{name}"'.encode()
        self._behind = re.compile(behind, re.ASCII)

    def find(self, data: bytes) -> bytes | None:
        """What stands behind the first such name near the start; None if there is none, or something else."""
        start = data.find(self._name, 0, _GLIMPSE_BYTES)
        found = self._behind.match(data, start + len(self._name)) if start >= 0 else None
        return None if found is None else found[1]


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
    """Filters JSON bodies for one gate. Safe for threads.

    Args:
        gate: decides.
    """

    def __init__(self, gate: QuickGate) -> None:
        self._gate = gate
        self._stamped = gate.table.name == "plain"
        self._times: EventTimes = gate.rules.times
        table = gate.table
        leaves = dict.fromkeys(table.split(path)[-1] for path in table.token_fields)
        self._tokens = tuple(_Needle(leaf, _BEHIND) for leaf in leaves)
        folds = table.documents.items() if table.token_schema is not None else ()
        self._folded = tuple(_Needle(name, _TEXT_BEHIND) for name, document in folds if document.base64)
        self._may_be_folded = bool(folds)

    def filter(
        self, route: Route, data: bytes, tokens: Sequence[str], received_ms: int, counts: Counts
    ) -> QuickBody | None:
        """What stays of a body, and its counts; None if the thorough way must look at it, and nothing is counted.

        Args:
            route: the body's route.
            data: the body, inflated.
            tokens: those that the request carries beside it, the deciding one first.
            received_ms: when it was received, milliseconds since 1970.
            counts: receives what was accepted and stripped.
        """
        token = self._glimpse(data) or (tokens[0] if tokens else None)
        if token is None or not all(map(_PLAIN.fullmatch, (token, *tokens))):
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
            self._passes_untimed(claims, received_ms),
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

    def _glimpse(self, data: bytes) -> str | None:
        """The first text in the body that may be a token in its own place."""
        for token in self._tokens:
            if (found := token.find(data)) is not None:
                return found.decode()
        return self._glimpse_folded(data) if self._may_be_folded else None

    def _glimpse_folded(self, data: bytes) -> str | None:
        """The same in the body's first documents."""
        texts = [data] if data.find(b'token\\"', 0, _GLIMPSE_BYTES) >= 0 else []
        for folded in self._folded:
            if (document := folded.find(data)) is not None:
                with suppress(ValueError):
                    texts.append(base64url.decode(document.decode()))
        return next((found[1].decode() for text in texts if (found := _IN_DOCUMENT.search(text)) is not None), None)

    def _passes_untimed(self, claims: Claims, received_ms: int) -> bool:
        """Whether an event that tells no time of its own may pass."""
        if not self._gate.checks_times:
            return True
        reason, _ = self._times.judge(claims, {}, received_ms, self._gate.verifier.leeway_s)
        return reason is Reason.OK

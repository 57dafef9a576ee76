"""The quick way for lines of plain events: what their grants leave of them is copied from their text.

A token is verified once, by the thorough way; lines that carry it are then read and written without objects in between,
a few thousand by one look at the clock, the status list and the epochs. Whatever is odd (no token, a bad one, broken
JSON, a time out of range) takes the thorough way, which alone decides about refusals. Both ways give the same events
and counts; property tests hold them to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from cookiegate.gate import bodies
from cookiegate.gate.counts import Counts
from cookiegate.gate.projecting import IS_COMPILED, compiled
from cookiegate.gate.quick_bodies import QuickGate
from cookiegate.gate.trackers.plain import TOKEN_FIELD
from cookiegate.tokens.reasons import Denied, Reason

if TYPE_CHECKING:
    from cookiegate.gate._projection import Grant

_KNOWN_LIMIT = 50_000
#: So many lines are judged by one look at the clock, the status list and the epochs: some ten milliseconds.
_MOMENT_LINES = 4096
_encode = msgspec.json.Encoder().encode


class ThoroughGate(QuickGate, Protocol):
    """What the quick way needs of its gate."""

    counts: Counts

    def event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The thorough way."""
        ...


class PlainLines:
    """Filters lines of plain events for one gate.

    Args:
        gate: decides, counts, and takes what does not fit.
    """

    def __init__(self, gate: ThoroughGate) -> None:
        self._gate = gate
        self._grants = compiled.Grants() if IS_COMPILED else None
        self._generation = gate.verifier.generation
        #: Counts the looks at the clock, the list and the epochs.
        self._moment = 0
        self._stands: Callable[[Grant], bool] = lambda _: False

    def filter(self, lines: Sequence[bytes]) -> list[bytes]:
        """The outcome of each line: stripped and stamped, with its newline, or empty if it must not pass."""
        found: list[bytes] = []
        for moment in _cut(lines, _MOMENT_LINES):
            self._look()
            found += self._filter(moment)
        return found

    def _filter(self, lines: Sequence[bytes]) -> list[bytes]:
        outcomes = self._project(lines)
        met: set[str] = set()
        again: list[int] = []
        for place, outcome in enumerate(outcomes):
            if type(outcome) is str and outcome in met:
                again.append(place)
            elif type(outcome) is not bytes:
                outcomes[place] = self._thorough(lines[place], met)
        if again:
            for place, outcome in zip(again, self._project([lines[place] for place in again]), strict=True):
                outcomes[place] = outcome if type(outcome) is bytes else self._thorough(lines[place], met)
        return [outcome for outcome in outcomes if type(outcome) is bytes]

    def _project(self, lines: Sequence[bytes]) -> list[bytes | str | None]:
        if self._grants is None:
            return [None] * len(lines)
        now_ms, counts = self._gate.verifier.now_ms(), self._gate.counts
        outcomes, accepted, stripped = compiled.project_lines(
            list(lines), self._grants, self._stands, TOKEN_FIELD, self._moment, now_ms
        )
        counts.accepted += accepted
        counts.strip_all(stripped)
        return outcomes

    def _thorough(self, line: bytes, met: set[str]) -> bytes:
        """The outcome of one line that nothing is known about; its token is known from then on, if it is good."""
        try:
            event = bodies.read_json(line)
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""
        kept = self._gate.event(event)
        if kept is None:
            return b""
        self._remember(event[TOKEN_FIELD], met)
        return _encode(kept) + b"\n"

    def _remember(self, text: str, met: set[str]) -> None:
        gate = self._gate
        if self._grants is None or text in met:
            return
        try:
            claims, allowance = gate.granted(text)
        except Denied:  # its key was taken out a moment ago
            return
        projection = gate.projections.of(gate.table.usual_route, allowance)
        if projection is None or gate.rules.binding.concerns(claims):
            return
        # The verifier remembers better; this only spares the way to it.
        if len(self._grants) >= _KNOWN_LIMIT:
            self._grants.clear()
        earliest_ms, latest_ms = gate.rules.times.earliest_ms(claims), claims.exp * 1000
        self._grants.add(compiled.Grant(projection, text.encode(), bytes(claims.stamp), claims, earliest_ms, latest_ms))
        met.add(text)

    def _look(self) -> None:
        """Begins a moment: the clock, the status list, the epochs and the keys are asked anew."""
        verifier = self._gate.verifier
        verifier.refresh()
        if verifier.generation != self._generation and self._grants is not None:
            self._grants.clear()
        self._generation = verifier.generation
        self._moment += 1
        self._stands = self._standing()

    def _standing(self) -> Callable[[Grant], bool]:
        """Tells whether a known token is good at this moment; if not, the thorough way must decide."""
        gate, moment = self._gate, self._moment
        verifier, checks_times = gate.verifier, gate.checks_times
        stands, now_ms = verifier.standing(), verifier.now_ms()
        stands_late = verifier.standing(expires=False) if gate.takes_late_events else None

        def stand(grant: Grant) -> bool:
            reason = stands(grant.claims)
            is_live = reason is Reason.OK
            if is_live:
                good = not checks_times or grant.earliest_ms <= now_ms
            elif reason is Reason.TOKEN_EXPIRED and stands_late is not None:
                good = stands_late(grant.claims) is Reason.OK
            else:
                good = False
            if good:
                grant.passes_untimed, grant.moment = is_live, moment
            return good

        return stand


def _cut(lines: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (lines[start : start + size] for start in range(0, len(lines), size))

"""The quick way for lines: what the grants of their tokens leave of them is copied from their text.

A token is verified once, by the thorough way; lines that carry it are then read and written without objects in between,
a few thousand by one look at the clock, the status list and the epochs. Whatever is odd (no token, a bad one, broken
JSON, a time out of range) takes the thorough way, which alone decides about refusals. Both ways give the same lines
and counts; property tests hold them to that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from cookiegate.gate import bodies
from cookiegate.gate.counts import Counts
from cookiegate.gate.known_tokens import GrantingGate, KnownTokens, Moment
from cookiegate.gate.projecting import IS_COMPILED, compiled
from cookiegate.gate.quick_requests import QuickRequests
from cookiegate.gate.request import Filtered, TrackerRequest, read_line
from cookiegate.gate.trackers.plain import TOKEN_FIELD
from cookiegate.tokens.reasons import Denied

if TYPE_CHECKING:
    from cookiegate.gate._projection import Requests

#: So many lines are judged by one look at the clock, the status list and the epochs: some ten milliseconds.
_MOMENT_LINES = 4096
_encode = msgspec.json.Encoder().encode


class LineGate(GrantingGate, Protocol):
    """What the quick way needs of its gate."""

    counts: Counts
    quick: QuickRequests

    def event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The thorough way of a plain event."""
        ...

    def filter(self, request: TrackerRequest) -> Filtered:
        """The way of one request."""
        ...


class QuickLines(ABC):
    """Filters lines for one gate.

    Args:
        gate: decides, counts, and takes what does not fit.
        known: what is known of their tokens; None if there is no quick way.
        reader: how the lines are read: requests, or plain events with their token in a member of this name.
    """

    def __init__(self, gate: LineGate, known: KnownTokens | None, reader: Requests | str | None) -> None:
        self._gate = gate
        self._known = known
        self._reader = reader

    def filter(self, lines: Sequence[bytes]) -> list[bytes]:
        """The outcome of each line: what stays, with its newline, or empty if nothing may pass."""
        if self._known is None or self._reader is None:
            return [self._thorough(line) for line in lines]
        found: list[bytes] = []
        for part in _cut(lines, _MOMENT_LINES):
            found += self._filter(part, self._reader, self._known, self._known.look())
        return found

    @abstractmethod
    def _thorough(self, line: bytes) -> bytes:
        """The outcome of one line by the thorough way."""

    def _filter(
        self, lines: Sequence[bytes], reader: Requests | str, known: KnownTokens, moment: Moment
    ) -> list[bytes]:
        outcomes = self._project(lines, reader, moment)
        met: set[str] = set()
        again: list[int] = []
        for place, outcome in enumerate(outcomes):
            if type(outcome) is str and outcome in met:
                again.append(place)
            elif type(outcome) is not bytes:
                outcomes[place] = kept = self._thorough(lines[place])
                if type(outcome) is str and kept and known.remember(moment, outcome):
                    met.add(outcome)
        if again:
            for place, outcome in zip(
                again, self._project([lines[place] for place in again], reader, moment), strict=True
            ):
                outcomes[place] = outcome if type(outcome) is bytes else self._thorough(lines[place])
        return [outcome for outcome in outcomes if type(outcome) is bytes]

    def _project(self, lines: Sequence[bytes], reader: Requests | str, moment: Moment) -> list[bytes | str | None]:
        now_ms, counts = self._gate.verifier.now_ms(), self._gate.counts
        outcomes, accepted, stripped = compiled.project_lines(
            list(lines), moment.grants, moment.stands, reader, moment.number, now_ms
        )
        counts.accepted += accepted
        counts.strip_all(stripped)
        return outcomes


class PlainLines(QuickLines):
    """Filters lines that hold a plain event each.

    Args:
        gate: decides, counts, and takes what does not fit.
    """

    def __init__(self, gate: LineGate) -> None:
        known = KnownTokens(gate, (gate.table.usual_route,)) if IS_COMPILED else None
        super().__init__(gate, known, TOKEN_FIELD)

    def _thorough(self, line: bytes) -> bytes:
        try:
            event = bodies.read_json(line)
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""
        kept = self._gate.event(event)
        return b"" if kept is None else _encode(kept) + b"\n"


class RequestLines(QuickLines):
    """Filters lines that hold a tracker's request each.

    Args:
        gate: decides, counts, and takes what does not fit.
    """

    def __init__(self, gate: LineGate) -> None:
        super().__init__(gate, gate.quick.known, gate.quick.reader)

    def _thorough(self, line: bytes) -> bytes:
        try:
            filtered = self._gate.filter(read_line(line))
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""
        self._gate.counts.add(filtered.counts)
        return b"".join(accepted.to_line() for accepted in filtered.accepted)


def _cut(lines: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (lines[start : start + size] for start in range(0, len(lines), size))

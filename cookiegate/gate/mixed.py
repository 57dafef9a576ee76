"""Requests of several trackers in one log: each is filtered by the gate of the tracker that sends to its address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.request import TrackerRequest, read_line
from cookiegate.tokens.reasons import Denied, Reason

#: Under this name counts what no tracker sent.
NOBODY = "(no tracker)"


class MixedGates:
    """The gates of several trackers, and what each has done.

    Args:
        gates: by tracker; one alone takes every line, as :meth:`cookiegate.gate.gate.Gate.lines` does.
    """

    def __init__(self, gates: Mapping[str, Gate]) -> None:
        self._gates = dict(gates)
        self._nobody = Counts()

    @property
    def counts(self) -> dict[str, Counts]:
        """Totals by tracker; those of :data:`NOBODY` where there was such a request."""
        found = {tracker: gate.counts for tracker, gate in self._gates.items()}
        return {**found, NOBODY: self._nobody} if self._nobody.dropped else found

    def lines(self, lines: Sequence[bytes]) -> list[bytes]:
        """Filters lines; for each, in order, what to write."""
        if len(self._gates) == 1:
            return next(iter(self._gates.values())).lines(lines)
        return [self._line(line) for line in lines]

    def skip(self, oversized: int) -> None:
        """Counts lines that were too long to be read."""
        if oversized:
            counts = next(iter(self._gates.values())).counts if len(self._gates) == 1 else self._nobody
            counts.dropped[Reason.BODY_TOO_LARGE] += oversized

    def split(self, lines: Sequence[bytes]) -> Iterator[tuple[str, bytes, TrackerRequest | None]]:
        """Whose each line is, and the request in it where it had to be read to tell."""
        if len(self._gates) == 1:
            yield from ((tracker, line, None) for tracker in self._gates for line in lines)
            return
        for line in lines:
            try:
                request = read_line(line)
            except Denied:
                continue
            if (tracker := self.tracker_of(request)) is not None:
                yield tracker, line, request

    def tracker_of(self, request: TrackerRequest) -> str | None:
        """The tracker that sends to this address; None if none does."""
        path = request.path.partition("?")[0]
        return next((name for name, gate in self._gates.items() if gate.routes(request.method, path)), None)

    def _line(self, line: bytes) -> bytes:
        try:
            request = read_line(line)
            tracker = self.tracker_of(request)
            if tracker is None:
                raise Denied(Reason.TRACKER_MISMATCH)
        except Denied as denial:
            self._nobody.dropped[denial.reason] += 1
            return b""
        gate = self._gates[tracker]
        filtered = gate.filter(request)
        gate.counts.add(filtered.counts)
        return b"".join(accepted.to_line() for accepted in filtered.accepted)

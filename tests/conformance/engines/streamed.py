"""What both workers' engines share: the options, and counting from what came out."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress

from conformance.material import Material, Tally
from conformance.tokens import PASSED


def options(material: Material) -> tuple[str, ...]:
    """The gate's options of a worker for every tracker."""
    return (
        *(part for tracker in material.lines for part in ("--tracker", tracker)),
        "--audience", material.audience, "--purpose", material.purpose, "--issuer", material.issuer,
        "--jwks", str(material.jwks_file), "--status", str(material.status_file),
    )  # fmt: skip


class Ledger:
    """Counts events from lines that came out, which must be such as the library writes, and from dead letters."""

    def __init__(self, material: Material) -> None:
        self._events: dict[str, tuple[str, int]] = {}
        self._counts: dict[str, Counter[str]] = {tracker: Counter() for tracker in material.lines}
        for tracker in material.lines:
            gate = material.gate(tracker)
            if tracker == "plain":
                written = gate.lines(material.lines[tracker])
                self._events |= {_canonical(line): (tracker, 1) for line in written if line}
                continue
            for request in material.requests(tracker):
                for accepted in gate.filter(request).accepted:
                    self._events[_canonical(accepted.to_line())] = (tracker, len(accepted.events))

    def passed(self, line: bytes) -> None:
        """A line that came out."""
        tracker, events = self._events[_canonical(line)]
        self._counts[tracker][PASSED] += events

    def dropped(self, tracker: str, reason: str, events: int) -> None:
        """A dead letter."""
        self._counts[tracker][reason] += events

    @property
    def tally(self) -> Tally:
        """Counts by tracker."""
        return {tracker: dict(counts) for tracker, counts in self._counts.items()}


def _canonical(line: bytes) -> str:
    """A line without the order of its members, which depends on what a gate met before."""
    read = json.loads(line)
    with suppress(KeyError, TypeError, ValueError):
        read["body"] = json.loads(read["body"])
    return json.dumps(read, sort_keys=True)

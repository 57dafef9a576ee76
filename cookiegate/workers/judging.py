"""What becomes of each message: the lines to write, and the reasons of what was dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.mixed import NOBODY, MixedGates
from cookiegate.gate.request import LINE_LIMIT_BYTES, TrackerRequest, read_line
from cookiegate.tokens.reasons import Denied, Reason

#: For what the gate should never do: raise. The message is put aside, and the worker goes on.
GATE_FAILED = "gate_failed"


class Undecided(Exception):  # noqa: N818  nothing is wrong with the messages
    """Messages cannot be judged now: what says whether their tokens hold is out of date, and will be had again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream.

    Args:
        line: a JSON line as :meth:`cookiegate.gate.gate.Gate.lines` reads it; None if the message has none.
        tracker: the name of its tracker, where messages name it.
    """

    line: bytes | None
    tracker: str | None = None


@dataclass(slots=True)
class Outcome:
    """What becomes of a message.

    Args:
        tracker: whose it was.
        lines: what to write, without newlines.
        accepted: how many events are in them.
        reasons: of the events that were dropped.
    """

    tracker: str
    lines: list[bytes] = field(default_factory=list)
    accepted: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


class Judging(Protocol):
    """What a worker asks of whoever decides about its messages."""

    def judge(self, messages: Sequence[Message]) -> list[Outcome]:
        """The outcome of each message, in order.

        Raises:
            Undecided: they must be judged again later.
        """
        ...


class Judge:
    """Judges messages by the gates of one or several trackers.

    Args:
        gates: by tracker; the judge alone uses them.
        by_name: whether each message names its tracker; else one gate takes everything, several go by the address.
        limit_bytes: longest line.
        behind: says why tokens cannot be judged now; None while they can.
    """

    def __init__(
        self,
        gates: Mapping[str, Gate],
        *,
        by_name: bool = False,
        limit_bytes: int = LINE_LIMIT_BYTES,
        behind: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._gates = dict(gates)
        self._mixed = MixedGates(gates)
        self._by_name = by_name
        self._limit_bytes = limit_bytes
        self._only = next(iter(gates)) if len(gates) == 1 and not by_name else None
        self._nobody = Counts()
        self._behind = behind

    @property
    def counts(self) -> dict[str, Counts]:
        """What was judged, by tracker; under :data:`cookiegate.gate.mixed.NOBODY` what no tracker sent."""
        found = {tracker: gate.counts for tracker, gate in self._gates.items()}
        return {**found, NOBODY: self._nobody} if self._nobody.dropped else found

    def judge(self, messages: Sequence[Message]) -> list[Outcome]:
        """The outcome of each message, in order. Never raises for what a stranger sent.

        Raises:
            Undecided: a status list that they need is behind; nothing is counted, and they must be judged again.
        """
        was_behind = self._behind()
        totals = {tracker: gate.counts for tracker, gate in self._gates.items()}
        nobody, self._nobody = self._nobody, Counts()
        for gate in self._gates.values():
            gate.counts = Counts()
        try:
            outcomes = self._judge(messages)
            is_lacking = any(Reason.STATUS_UNAVAILABLE in outcome.reasons for outcome in outcomes)
            if is_lacking and (why := was_behind or self._behind()):
                raise Undecided(why)
            nobody.add(self._nobody)
            for tracker, gate in self._gates.items():
                totals[tracker].add(gate.counts)
        finally:
            for tracker, gate in self._gates.items():
                gate.counts = totals[tracker]
            self._nobody = nobody
        return outcomes

    def _judge(self, messages: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(messages)
        plain: list[int] = []
        for place, message in enumerate(messages):
            line, tracker = message.line, message.tracker if self._by_name else self._only
            if line is None or len(line) > self._limit_bytes:
                reason = Reason.EVENT_MALFORMED if line is None else Reason.BODY_TOO_LARGE
                outcomes[place] = self._refuse(tracker, reason)
            elif tracker == "plain" and tracker in self._gates:
                plain.append(place)
            else:
                outcomes[place] = self._one(tracker, line)
        if plain:
            lines = [messages[place].line or b"" for place in plain]
            for place, outcome in zip(plain, self._plain(lines), strict=True):
                outcomes[place] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _refuse(self, tracker: str | None, reason: str, times: int = 1) -> Outcome:
        gate = self._gates.get(tracker or "")
        if isinstance(reason, Reason):
            (gate.counts if gate else self._nobody).dropped[reason] += times
        return Outcome(tracker if gate and tracker else NOBODY, reasons={reason: times})

    def _one(self, tracker: str | None, line: bytes) -> Outcome:
        """A message by itself."""
        request: TrackerRequest | None = None
        if tracker is None and not self._by_name:
            try:
                request = read_line(line)
            except Denied as denial:
                return self._refuse(None, denial.reason)
            tracker = self._mixed.tracker_of(request)
        if tracker is None or tracker not in self._gates:
            return self._refuse(None, Reason.TRACKER_MISMATCH)
        gate = self._gates[tracker]
        try:
            if request is None:
                written, counts = _counted(gate, line)
            else:
                filtered = gate.filter(request)
                written = b"".join(accepted.to_line() for accepted in filtered.accepted)
                counts = filtered.counts
        except Exception:  # the gate's promise is not to; whoever breaks it must not stop the stream
            return self._refuse(tracker, GATE_FAILED)
        gate.counts.add(counts)
        return Outcome(tracker, written.splitlines(), counts.accepted, _reasons(counts))

    def _plain(self, lines: Sequence[bytes]) -> list[Outcome]:
        """Plain events, all at once, which is the quick way; what was dropped is asked for its reason one by one."""
        gate = self._gates["plain"]
        totals, gate.counts = gate.counts, Counts()
        try:
            written, judged = gate.lines(lines), gate.counts
        except Exception:
            gate.counts = totals
            return [self._one("plain", line) for line in lines]
        gate.counts = totals
        totals.add(judged)
        left = Counter(judged.dropped)
        return [
            Outcome("plain", [out[:-1]], 1) if out else Outcome("plain", reasons=self._why(gate, line, left))
            for out, line in zip(written, lines, strict=True)
        ]

    def _why(self, gate: Gate, line: bytes, left: Counter[Reason]) -> Mapping[str, int]:
        found = next(iter(_counted(gate, line)[1].dropped), None)
        if found is None or left[found] <= 0:  # by now it would pass, or fail in another way: what it did then counts
            found = next((reason for reason, times in left.items() if times > 0), found)
        if found is None:
            return {GATE_FAILED: 1}
        left[found] -= 1
        return {found.value: 1}


def _counted(gate: Gate, line: bytes) -> tuple[bytes, Counts]:
    """What a gate makes of one line, and its counts of that alone."""
    totals, gate.counts = gate.counts, Counts()
    try:
        return gate.line(line), gate.counts
    finally:
        gate.counts = totals


def _reasons(counts: Counts) -> Mapping[str, int]:
    return {reason.value: times for reason, times in counts.dropped.items() if times} if counts.dropped else {}

"""What becomes of each message: the lines to write, and the reasons of what was dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
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


class Together:
    """Plain events that passed when many were judged at once.

    What was stripped is known of all of them, which costs nothing more. A batch of which only some are done is rare:
    their part is asked for again.

    Args:
        gate: judged them.
        lines: theirs.
        stripped: of all of them, by field.
    """

    def __init__(self, gate: Gate, lines: Sequence[bytes], stripped: Mapping[str, int]) -> None:
        self._gate = gate
        self._lines = lines
        self._stripped = stripped

    def stripped_of(self, numbers: Sequence[int]) -> Mapping[str, int]:
        """How often each field was taken out of the events of these numbers."""
        if len(numbers) == len(self._lines):
            return self._stripped
        return _counted(self._gate, [self._lines[number] for number in numbers])[1].stripped


@dataclass(slots=True)
class Outcome:
    """What becomes of a message.

    Args:
        tracker: whose it was.
        lines: what to write, without newlines.
        accepted: how many events are in them.
        reasons: of the events that were dropped.
        stripped: how often each field was taken out of what passes; empty where ``together`` tells it.
        together: the plain events that it was judged with, and its number among them.
    """

    tracker: str
    lines: list[bytes] = field(default_factory=list)
    accepted: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    stripped: Mapping[str, int] = field(default_factory=dict)
    together: tuple[Together, int] | None = None


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
        gates: by tracker; the judge alone uses them. What they count stays as it is: outcomes tell it of each message.
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
        self._behind = behind

    def judge(self, messages: Sequence[Message]) -> list[Outcome]:
        """The outcome of each message, in order. Never raises for what a stranger sent.

        Raises:
            Undecided: a status list that they need is behind; they must be judged again.
        """
        was_behind = self._behind()
        outcomes = self._judge(messages)
        is_lacking = any(Reason.STATUS_UNAVAILABLE in outcome.reasons for outcome in outcomes)
        if is_lacking and (why := was_behind or self._behind()):
            raise Undecided(why)
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

    def _refuse(self, tracker: str | None, reason: str) -> Outcome:
        return Outcome(tracker if tracker in self._gates else NOBODY, reasons={reason: 1})

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
                (written,), counts = _counted(gate, (line,))
            else:
                filtered = gate.filter(request)
                written = b"".join(accepted.to_line() for accepted in filtered.accepted)
                counts = filtered.counts
        except Exception:  # the gate's promise is not to; whoever breaks it must not stop the stream
            return self._refuse(tracker, GATE_FAILED)
        return Outcome(tracker, written.splitlines(), counts.accepted, _reasons(counts), counts.stripped)

    def _plain(self, lines: Sequence[bytes]) -> list[Outcome]:
        """Plain events, all at once, which is the quick way; what was dropped is asked for its reason one by one."""
        gate = self._gates["plain"]
        try:
            written, judged = _counted(gate, lines)
        except Exception:
            return [self._one("plain", line) for line in lines]
        left = Counter(judged.dropped)
        together = Together(gate, [line for line, out in zip(lines, written, strict=True) if out], judged.stripped)
        numbers = count()
        return [
            Outcome("plain", [out[:-1]], 1, together=(together, next(numbers)))
            if out
            else Outcome("plain", reasons=self._why(gate, line, left))
            for out, line in zip(written, lines, strict=True)
        ]

    def _why(self, gate: Gate, line: bytes, left: Counter[Reason]) -> Mapping[str, int]:
        found = next(iter(_counted(gate, (line,))[1].dropped), None)
        if found is None or left[found] <= 0:  # by now it would pass, or fail in another way: what it did then counts
            found = next((reason for reason, times in left.items() if times > 0), found)
        if found is None:
            return {GATE_FAILED: 1}
        left[found] -= 1
        return {found.value: 1}


def _counted(gate: Gate, lines: Sequence[bytes]) -> tuple[list[bytes], Counts]:
    """What a gate makes of lines, and its counts of them alone."""
    totals, gate.counts = gate.counts, Counts()
    try:
        return gate.lines(lines), gate.counts
    finally:
        gate.counts = totals


def _reasons(counts: Counts) -> Mapping[str, int]:
    return {reason.value: times for reason, times in counts.dropped.items() if times} if counts.dropped else {}

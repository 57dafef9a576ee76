"""How a worker lives: it works, waits while its server is away, says so, and stops when it is told to."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

from cookiegate.gate.counts import Counts
from cookiegate.tokens.reasons import Reason
from cookiegate.workers.judging import GATE_FAILED, Outcome, Together

PASSED = "passed"
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
REMIND_EVERY_S = 60.0
LOOK_EVERY_S = 1.0


@dataclass(slots=True)
class Tallies:
    """What a worker has done and what waits for it, for whoever watches.

    Args:
        events: by tracker and outcome (``passed``, or the reason), once their messages are done and durable.
        stripped: of the same messages, by tracker and field.
        messages: done.
        overtaken: messages that another worker had finished first.
        lag: messages that wait, those in hand included; None while it is not known.
        oldest_at_ms: when the oldest of them came; None if none waits.
        connected: whether the server answered last.
        decides: whether messages can be judged: False while a status list is awaited.
    """

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    stripped: dict[str, Counts] = field(default_factory=dict)
    messages: int = 0
    overtaken: int = 0
    lag: int | None = None
    oldest_at_ms: int | None = None
    connected: bool = False
    decides: bool = True

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Counts messages that are done: each once, however often it was judged."""
        self.messages += len(outcomes)
        groups: dict[tuple[str, Together], list[int]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.accepted:
                self.events[outcome.tracker, PASSED] += outcome.accepted
            for reason, times in outcome.reasons.items():
                self.events[outcome.tracker, reason] += times
            if outcome.stripped:
                self._strip(outcome.tracker, outcome.stripped)
            if outcome.together is not None:
                together, number = outcome.together
                groups[outcome.tracker, together].append(number)
        for (tracker, together), numbers in groups.items():
            self._strip(tracker, together.stripped_of(numbers))

    def _strip(self, tracker: str, stripped: Mapping[str, int]) -> None:
        self.stripped.setdefault(tracker, Counts()).add(Counts(stripped=Counter(stripped)))

    @property
    def counts(self) -> dict[str, Counts]:
        """The same as a gate tells it, by tracker; without what a gate failed at, see :attr:`failed`."""
        found: dict[str, Counts] = {}
        for (tracker, outcome), times in self.events.items():
            counts = found.setdefault(tracker, Counts())
            if outcome == PASSED:
                counts.accepted += times
            elif outcome != GATE_FAILED:
                counts.dropped[Reason(outcome)] += times
        for tracker, stripped in self.stripped.items():
            found.setdefault(tracker, Counts()).add(stripped)
        return found

    @property
    def failed(self) -> int:
        """Messages at which a gate failed; they are dead letters."""
        return sum(times for (_, outcome), times in self.events.items() if outcome == GATE_FAILED)


class Stop:
    """Set by SIGTERM and SIGINT, or by hand."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def listen(self) -> None:
        """Takes the signals of this process. Only its main thread may ask for that."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._event.set()

    def set(self) -> None:
        """Asks the worker to stop."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits, at most so long; whether it is to stop."""
        return self._event.wait(seconds)


class Patience:
    """Waits ever longer while a server is away, and tells of it: at first, once a minute, and when it is back.

    Args:
        server: its name, as it is told.
        tell: told sentences.
        stop: ends the waiting.
        tallies: learn whether the server answers.
        gauge: which of them learns it.
    """

    def __init__(
        self,
        server: str,
        tell: Callable[[str], None],
        stop: Stop,
        tallies: Tallies,
        gauge: Literal["connected", "decides"] = "connected",
    ) -> None:
        self._server = server
        self._tell = tell
        self._stop = stop
        self._tallies = tallies
        self._wait_s = 0.0
        self._told_at_s = 0.0
        self._told = ""
        self._gauge = gauge

    @property
    def is_waiting(self) -> bool:
        """Whether it has told that the server is away, and not yet that it is back."""
        return bool(self._told)

    def failed(self, why: str, wait: Callable[[float], object] | None = None) -> None:
        """Tells, and waits for the next try.

        Args:
            why: in words without addresses or secrets.
            wait: waits so many seconds, or less when the worker is to stop.
        """
        self.trouble(why)
        self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2 or FIRST_WAIT_S)
        (wait or self._stop.wait)(self._wait_s)

    def trouble(self, why: str) -> None:
        """Tells that the server is away, without waiting."""
        setattr(self._tallies, self._gauge, False)
        now_s = time.monotonic()
        if why != self._told or now_s > self._told_at_s + REMIND_EVERY_S:
            self._tell(f"Waiting for {self._server}: {why}. Nothing is lost; it is tried again.")
            self._told, self._told_at_s = why, now_s

    def answered(self) -> None:
        """The server is there."""
        if self._told:
            self._tell(f"{self._server[0].upper()}{self._server[1:]} is back.")
        self._wait_s, self._told = 0.0, ""
        setattr(self._tallies, self._gauge, True)

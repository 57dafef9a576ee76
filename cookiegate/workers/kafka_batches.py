"""What is known of a batch while a Kafka worker writes it, over all its tries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cookiegate.tokens.reasons import Reason
from cookiegate.workers.judging import Outcome

TOO_LARGE = "MSG_SIZE_TOO_LARGE"


@dataclass(slots=True)
class Batch:
    """Outcomes on their way to the brokers.

    A line that the client or a broker finds too large must not stop what is behind it: its record becomes a dead
    letter. Brokers refuse what travels together, so a line is sent alone before it is taken for too large.

    Args:
        outcomes: of the batch's records; those of too large ones are replaced.
        lines: by key the place of its outcome; dead letters are not in it.
        written: keys that a broker has acknowledged.
        alone: keys that are sent by themselves.
        faults: names of errors other than that.
        is_again: whether something was too large, so that the batch must be written again.
        ends_at_s: when writing is given up, once the worker is to stop.
    """

    outcomes: list[Outcome]
    lines: dict[str, int] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    is_again: bool = False
    ends_at_s: float | None = None

    def delivered(self, error: Any, record: Any) -> None:
        """What became of a line or a letter, as the client tells it."""
        key = record.key().decode()
        if error is None:
            self.written.add(key)
        elif error.name() != TOO_LARGE or key not in self.lines:
            self.faults.append(error.name())
        elif key in self.alone:
            self.put_aside(key)
        else:
            self.alone.add(key)
            self.is_again = True

    def put_aside(self, key: str) -> None:
        """The record of a line that is too large becomes a dead letter."""
        place = self.lines[key]
        outcome = self.outcomes[place]
        if outcome.lines:
            reasons = Counter(outcome.reasons)
            reasons[Reason.BODY_TOO_LARGE.value] += outcome.accepted
            self.outcomes[place] = Outcome(outcome.tracker, reasons=reasons)
        self.is_again = True

    def begin_again(self) -> None:
        """The next try; faults of the last one were of its end."""
        self.is_again = False
        self.faults.clear()

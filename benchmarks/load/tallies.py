"""What the traffic's script printed, and the arithmetic on it."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)

BUCKETS_AN_OCTAVE = 16
WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the service's processes: seconds of a monotonic clock, resident bytes, CPU seconds so far."""

    at_s: float
    rss_bytes: int
    cpu_s: float


@dataclass(slots=True)
class Tally:
    """What came back.

    ``answers``: (what was asked, status) to how often; ``unexpected`` the same for what should not have come.
    ``took``: kind of request to bucket to how often, after the warm-up. ``socket``: errors of connections.
    ``sent`` and ``received`` are bytes of HTTP, heads and bodies. ``generator_cpu_s`` is what wrk itself took.
    """

    answers: dict[tuple[str, int], int] = field(default_factory=dict)
    unexpected: dict[tuple[str, int], int] = field(default_factory=dict)
    took: dict[str, dict[int, int]] = field(default_factory=dict)
    socket: dict[str, int] = field(default_factory=dict)
    lasted_s: float = 0.0
    sent_bytes: int = 0
    received_bytes: int = 0
    generator_cpu_s: float = 0.0

    @property
    def answered(self) -> int:
        """Answers, of whatever kind."""
        return sum(self.answers.values()) + sum(self.unexpected.values())

    @property
    def errors(self) -> int:
        """Answers that should not have come, and connections that broke."""
        return sum(self.unexpected.values()) + sum(self.socket.values())

    def timed(self, kind: str = WHOLE) -> int:
        """How many answers were timed."""
        return sum(self._buckets(kind).values())

    def percentile_ms(self, share: float, kind: str = WHOLE) -> float:
        """The time within which ``share`` (0 to 1) of the answers came: the upper edge of its bucket, 4.4 % wide."""
        buckets = self._buckets(kind)
        left = share * sum(buckets.values())
        for bucket in sorted(buckets):
            left -= buckets[bucket]
            if left <= 0:
                return float(2 ** ((bucket + 1) / BUCKETS_AN_OCTAVE) / 1000)
        return 0.0

    def acknowledged(self) -> int:
        """Decisions that were answered as durable."""
        return sum(
            count for (what, status), count in self.answers.items() if what.startswith("decision") and status == 201
        )

    def add_faults(self, other: Tally) -> None:
        """Takes over what went wrong in another run."""
        _add(self.unexpected, other.unexpected)
        _add(self.socket, other.socket)

    def add(self, other: Tally) -> None:
        """Takes over another run's answers, right and wrong; its times are let go."""
        _add(self.answers, other.answers)
        self.add_faults(other)
        self.lasted_s += other.lasted_s

    def _buckets(self, kind: str) -> dict[int, int]:
        if kind != WHOLE:
            return self.took.get(kind, {})
        whole: dict[int, int] = {}
        for buckets in self.took.values():
            for bucket, count in buckets.items():
                whole[bucket] = whole.get(bucket, 0) + count
        return whole


def _add(mine: dict[_Key, int], found: Mapping[_Key, int]) -> None:
    for key, count in found.items():
        mine[key] = mine.get(key, 0) + count


def read_tally(printed: str) -> Tally:
    """The tally that ``mix.lua`` printed, among wrk's own lines.

    Raises:
        ValueError: the script did not get to its end.
    """
    tally = Tally()
    for line in printed.splitlines():
        match line.split("|"):
            case ["answer", what, status, "expected" | "unexpected" as kind, count]:
                found = tally.answers if kind == "expected" else tally.unexpected
                found[what, int(status)] = int(count)
            case ["took", kind, bucket, count]:
                tally.took.setdefault(kind, {})[int(bucket)] = int(count)
            case ["socket", name, count]:
                tally.socket[name] = int(count)
            case ["sent", "bytes", count]:
                tally.sent_bytes = int(count)
            case ["received", "bytes", count]:
                tally.received_bytes = int(count)
            case ["lasted", microseconds]:
                tally.lasted_s = int(microseconds) / 1e6
    if not tally.lasted_s:
        raise ValueError(f"wrk printed no tally:\n{printed}")
    return tally


def growth_percent(samples: Sequence[Sample], warm_up_s: float) -> float:
    """How much more memory was resident at the end than after the warm-up, in per cent.

    Both are medians over a tenth of the time that was measured, so that one garbage collection is not the news.
    """
    start_s, end_s = samples[0].at_s + warm_up_s, samples[-1].at_s
    window_s = max((end_s - start_s) / 10, 1.0)
    first = [one.rss_bytes for one in samples if start_s <= one.at_s <= start_s + window_s]
    last = [one.rss_bytes for one in samples if one.at_s >= end_s - window_s]
    if not first:
        raise ValueError("the load did not last longer than its warm-up")
    return 100 * (statistics.median(last) / statistics.median(first) - 1)


def cpu_share(samples: Sequence[Sample], warm_up_s: float) -> float:
    """CPU seconds per second after the warm-up: 2.0 is two whole cores."""
    warm = [one for one in samples if one.at_s >= samples[0].at_s + warm_up_s]
    return (warm[-1].cpu_s - warm[0].cpu_s) / (warm[-1].at_s - warm[0].at_s)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a Markdown table; the first row is its head, and every column but the first is aligned right."""
    head, *body = list(rows)
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    lines = ["| " + " | ".join(_pad(row, widths)) + " |" for row in [head, *body]]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


def _pad(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]

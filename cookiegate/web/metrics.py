"""Counters for operators. No label ever holds a visitor's data."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: Gauges of the ledger, by the end of their names.
LEDGER = {
    "size": "Entries sealed into the ledger.",
    "unsealed": "Entries that wait to be sealed.",
    "unsealed_age_seconds": "How long the oldest of them waits.",
    "damaged": "1 while the ledger contradicts its records and nothing is sealed.",
}
#: Names the folder in which the workers of one service keep their counters; unset where there is one worker.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: The package's own declare no types.
_make_value_class: Callable[[], type] = values.MultiProcessValue
_make_collector: Callable[[None, str], Collector] = MultiProcessCollector
#: A worker that starts makes its files empty, and fills their heads at once.
_HALF_MADE_TRIES = 50
_HALF_MADE_WAIT_S = 0.01


class SharedFiles(Collector):
    """The files of all workers; one that is being made is waited for."""

    def __init__(self, folder: Path) -> None:
        self._files = _make_collector(None, str(folder))

    def collect(self) -> list[Metric]:
        """What all workers have counted."""
        for _ in range(_HALF_MADE_TRIES):
            try:
                return list(self._files.collect())
            except struct.error:
                time.sleep(_HALF_MADE_WAIT_S)
        return list(self._files.collect())


class _SharedRegistry(CollectorRegistry):
    """Counters lie in files that all workers of a service write; what is read from the record is asked directly."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        _forget_dead(folder)
        if values.ValueClass is values.MutexValue:
            values.ValueClass = _make_value_class()
        super().register(SharedFiles(folder))

    def register(self, collector: Collector) -> None:
        """Takes what is not in the files."""
        if not isinstance(collector, MetricWrapperBase):
            super().register(collector)


def _forget_dead(folder: Path) -> None:
    """Drops what ended workers said of themselves; their counters stay in the sums."""
    for file in folder.glob("gauge_live*_*.db"):
        if not Path("/proc", file.stem.rpartition("_")[2]).exists():
            file.unlink(missing_ok=True)


class Tally:
    """A count that is raised thousands of times a second: its counters hear of it when somebody asks for them.

    Raising a counter of the package takes 350 ns, this 30. What nobody asked for dies with a process.

    Args:
        counters: each counts every time.
    """

    def __init__(self, *counters: Counter) -> None:
        self._counters = counters
        self._times = count()
        self._told = self._asked = 0
        self._lock = threading.Lock()
        #: Counts once more. Safe for threads.
        self.more: Callable[[], int] = self._times.__next__

    def settle(self) -> None:
        """Tells the counters what they have not heard of."""
        with self._lock:
            times = next(self._times) - self._asked  # a look is a step too
            self._asked += 1
            for counter in self._counters:
                counter.inc(times - self._told)
            self._told = times


class Metrics:
    """A service's counters, in a registry of their own; the same from every worker."""

    def __init__(self) -> None:
        # Finding a child by its labels costs more than counting, so the hot ones are kept.
        self._verdicts: dict[tuple[str, str], Counter] = {}
        self._decided: dict[tuple[str, str], Counter] = {}
        self._issued: dict[str, Counter] = {}
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        folder = os.environ.get(SHARED_FOLDER)
        self.registry = _SharedRegistry(Path(folder)) if folder else CollectorRegistry()
        self.requests = Counter(
            "cookiegate_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "cookiegate_request_seconds",
            "Time to answer, by route.",
            ["route"],
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self.registry,
        )
        self.decisions = Counter(
            "cookiegate_decisions", "Durable decisions.", ["site", "action"], registry=self.registry
        )
        self.tokens = Counter("cookiegate_tokens_issued", "Tokens issued.", ["site"], registry=self.registry)
        self.verdicts = Counter(
            "cookiegate_gate_verdicts",
            "Gate verdicts by reason; `ok` passed.",
            ["door", "reason"],
            registry=self.registry,
        )
        self._checked = {
            status: Tally(self.verdicts.labels("check", "ok"), self.requests.labels("/gate/check", str(status)))
            for status in (200, 204)
        }
        self.stripped = Counter(
            "cookiegate_gate_stripped", "Fields removed from accepted events.", ["tracker"], registry=self.registry
        )
        self._forwarded = Counter(
            "cookiegate_upstream_answers",
            "Answers of the collectors behind the gate, by status.",
            ["tracker", "status"],
            registry=self.registry,
        )
        self.policies = Gauge(
            "cookiegate_policy_version",
            "Current policy version.",
            ["site"],
            registry=self.registry,
            multiprocess_mode="max",
        )
        self.followed = Gauge(
            "cookiegate_followed_at_seconds",
            "When this process last read what others wrote into the record.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self._leads = Gauge(
            "cookiegate_leads",
            "1 where this process leads a piece of background work.",
            ["chore"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._ledger: Callable[[], Mapping[str, float]] | None = None
        self.ledger = {
            name: Gauge(
                f"cookiegate_ledger_{name}",
                text,
                registry=self.registry,
                multiprocess_mode="livemax" if name == "damaged" else "mostrecent",
            )
            for name, text in LEDGER.items()
        }

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts an answered request."""
        children = self._answered.get((route, status))
        if children is None:
            children = self.requests.labels(route, str(status)), self.seconds.labels(route)
            self._answered[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def checked(self, status: int) -> None:
        """Counts a check that passed, and how that was said."""
        self._checked[status].more()

    def decided(self, site: str, action: str) -> None:
        """Counts a durable decision."""
        child = self._decided.get((site, action))
        if child is None:
            child = self._decided[site, action] = self.decisions.labels(site, action)
        child.inc()

    def lead(self, chore: str, leads: bool) -> None:
        """Notes whether this process leads."""
        self._leads.labels(chore).set(int(leads))

    def issued(self, site: str) -> None:
        """Counts a token."""
        child = self._issued.get(site)
        if child is None:
            child = self._issued[site] = self.tokens.labels(site)
        child.inc()

    def verdict(self, door: str, reason: str, count: int = 1) -> None:
        """Counts gate verdicts. ``door`` is ``check``, ``strip`` or ``collect``."""
        if count:
            child = self._verdicts.get((door, reason))
            if child is None:
                child = self._verdicts[door, reason] = self.verdicts.labels(door, reason)
            child.inc(count)

    def forwarded(self, tracker: str, status: int) -> None:
        """Counts an answer of a collector behind the gate."""
        self._forwarded.labels(tracker, str(status)).inc()

    def watch_ledger(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Asks ``read`` for the ledger's gauges whenever the counters are shown."""
        self._ledger = read

    def settle(self) -> None:
        """Puts into the counters what was only tallied: for the other workers, which read their files."""
        for tally in self._checked.values():
            tally.settle()

    def exposition(self) -> bytes:
        """The counters in the Prometheus text format."""
        self.settle()
        for name, value in (self._ledger() if self._ledger else {}).items():
            self.ledger[name].set(value)
        return generate_latest(self.registry)

"""What operators see of rights requests: how many are open, how many are late."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cookiegate.clock import Clock
from cookiegate.errors import CookiegateError
from cookiegate.rights.requests.casebook import Casebook

#: Deadlines are counted in days: so long an answer is good enough.
KEPT_MS = 60_000


class RequestGauges(Collector):
    """Read from the record when they are asked for, once a minute at most.

    Args:
        casebook: every request.
        clock: tells what is late.
    """

    def __init__(self, casebook: Casebook, clock: Clock) -> None:
        self._casebook = casebook
        self._clock = clock
        self._read_at_ms = -KEPT_MS
        self._open = self._overdue = 0

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead: the record need not be there when the gauges are registered."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """The gauges; none while the record cannot be read."""
        now_ms = self._clock.now_ms()
        if now_ms - self._read_at_ms >= KEPT_MS:
            try:
                cases = [file.case for file in self._casebook.files()]
            except CookiegateError:  # gone, or one request damaged: then no figure rather than a wrong one
                return
            self._open, self._overdue = len(cases), sum(case.is_overdue(now_ms) for case in cases)
            self._read_at_ms = now_ms
        shown = GaugeMetricFamily(
            "cookiegate_rights_requests", "Rights requests that wait for an answer.", labels=["state"]
        )
        shown.add_metric(("open",), self._open)
        shown.add_metric(("overdue",), self._overdue)
        yield shown

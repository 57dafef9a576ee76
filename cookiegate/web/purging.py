"""What a running service does for retention, and what operators see of it."""

from __future__ import annotations

import os
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge

from cookiegate.errors import ClockImplausibleError, StorageError
from cookiegate.rights.retention.believed_time import BelievedTime
from cookiegate.rights.retention.retention import PurgeReport
from cookiegate.web.logs import get_logger
from cookiegate.web.metrics import SHARED_FOLDER

PURGE_EVERY_S = 3_600.0
CLOCK_EVERY_S = 60.0


class ClockWatch:
    """Looks at the clock again and again, so that time which goes on is believed, and tells operators of what is not.

    Args:
        time: what is destroyed goes by it.
        registry: takes the gauge.
    """

    def __init__(self, time: BelievedTime, registry: CollectorRegistry) -> None:
        self._time = time
        self._said = False
        self._implausible = Gauge(
            "cookiegate_clock_implausible",
            "1 while this machine's clock is not believed, and nothing is destroyed because of its age.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        with suppress(StorageError):  # a record that cannot be written stops no start
            self._show(time.look())

    def look(self) -> None:
        """Looks once, and says so in the log when it is no longer believed, or again."""
        doubt = self._time.look()
        self._show(doubt)
        if doubt is not None and not self._said:
            get_logger().error(doubt.code, reason=doubt.detail)
        elif doubt is None and self._said:
            get_logger().info("clock_believed")
        self._said = doubt is not None

    def _show(self, doubt: ClockImplausibleError | None) -> None:
        self._implausible.set(int(doubt is not None))


class PurgeGauges:
    """What the last purge did, for operators.

    Args:
        registry: takes them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._disposed = Counter(
            "cookiegate_disposed", "Records that retention disposed of.", ["type"], registry=registry
        )
        self._overdue = Gauge(
            "cookiegate_overdue",
            "Records that a hold or restriction keeps past their time.",
            ["type"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._purged_at = Gauge(
            "cookiegate_purged_at_seconds",
            "When this process last purged.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        if SHARED_FOLDER not in os.environ:  # several workers show nothing until one of them has purged
            # Not 1970: a process that does not lead, or has just started, alerts nobody.
            self._purged_at.set(float("nan"))

    def purged(self, report: PurgeReport) -> None:
        """Takes a report in."""
        for record_type, count in report.by_type().items():
            self._disposed.labels(record_type).inc(count)
        for record_type, kept in report.kept_by_type().items():
            self._overdue.labels(record_type).set(kept)
        self._purged_at.set(report.ended_at_ms / 1000)

"""What a running service does for retention, and what operators see of it."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge

from cookiegate.rights.retention.retention import PurgeReport
from cookiegate.web.metrics import SHARED_FOLDER

PURGE_EVERY_S = 3_600.0


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

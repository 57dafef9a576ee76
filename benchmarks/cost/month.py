"""What a million visitors a month come to, from what one request of each kind costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MILLION = 1_000_000
DAYS = 30
HOURS = 24 * DAYS
#: The busiest hour has so many times the average's traffic.
PEAK = 10
#: Days that the answers of idempotency keys are kept.
ANSWER_DAYS = 7
GRANT_SHARE = 0.7
#: Requests of one visitor in a month: two visits of four pages; the widget is fetched once and asked for again at the
#: second visit and once within each (it is fresh for five minutes); who granted refreshes their token at each visit,
#: and each of their pages is one event that a gate checks.
PER_VISITOR: Mapping[str, float] = {
    "widget first": 1.0,
    "widget known": 3.0,
    "decision accept": GRANT_SHARE,
    "decision refuse": 1 - GRANT_SHARE,
    "decision change": 0.03,
    "token refresh": 2 * GRANT_SHARE,
    "gate granted": 8 * GRANT_SHARE,
    "preferences page": 0.02,
}
DECISIONS = tuple(what for what in PER_VISITOR if what.startswith("decision"))


#: The traffic of `make load`, as shares of what is measured here.
MIXED: Mapping[str, float] = {
    "widget first": 0.30,
    "widget known": 0.30,
    "token refresh": 0.25,
    "gate granted": 0.10,
    "decision accept": 0.03,
    "decision refuse": 0.005,
    "decision change": 0.005,
    "preferences page": 0.01,
}


def a_second() -> Mapping[str, Mapping[str, float]]:
    """What a core is filled with, as shares of requests."""
    return {
        "requests of mixed traffic": MIXED,
        "acceptances": {"decision accept": 1.0},
        "token refreshes": {"token refresh": 1.0},
        "gate checks": {"gate granted": 1.0},
    }


@dataclass(frozen=True, slots=True)
class Cost:
    """One request: CPU microseconds of the service and of the database server, bytes of HTTP, bytes kept."""

    cpu_us: float
    database_cpu_us: float
    sent_bytes: float
    received_bytes: float
    kept_bytes: float = 0.0
    answer_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Month:
    """A million visitors' month."""

    requests: float
    cpu_hours: float
    network_gb: float
    kept_gb: float
    passing_gb: float
    peak_requests_s: float
    peak_cores: float

    @property
    def visitors_a_core(self) -> float:
        """Visitors a month that keep one core busy in the peak hour."""
        return MILLION / self.peak_cores


def month_of(costs: Mapping[str, Cost]) -> Month:
    """The month of a million visitors.

    Args:
        costs: what was asked to what one such request costs; every kind of ``PER_VISITOR``.

    Returns:
        Sizes in GB (10^9 bytes). ``kept_gb`` is what a month adds for good, ``passing_gb`` what is held for seven days.
    """
    times = {what: share * MILLION for what, share in PER_VISITOR.items()}
    cpu_s = sum(count * (costs[what].cpu_us + costs[what].database_cpu_us) / 1e6 for what, count in times.items())
    network = sum(count * (costs[what].sent_bytes + costs[what].received_bytes) for what, count in times.items())
    kept = sum(times[what] * costs[what].kept_bytes for what in DECISIONS)
    passing = sum(times[what] * costs[what].answer_bytes for what in DECISIONS) * ANSWER_DAYS / DAYS
    requests = sum(times.values())
    return Month(
        requests=requests,
        cpu_hours=cpu_s / 3600,
        network_gb=network / 1e9,
        kept_gb=kept / 1e9,
        passing_gb=passing / 1e9,
        peak_requests_s=requests / HOURS / 3600 * PEAK,
        peak_cores=cpu_s / HOURS / 3600 * PEAK,
    )

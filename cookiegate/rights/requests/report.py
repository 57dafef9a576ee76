"""How requests were answered in a period: the figures for self-inspection and audit (S36)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from cookiegate.rights.requests.case import Case
from cookiegate.rights.requests.deadlines import DAY_MS
from cookiegate.rights.requests.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class KindReport:
    """The figures of one kind. ``overdue`` are open and late, ``late`` closed after their time; days from receipt."""

    kind: Kind
    received: int
    open: int
    overdue: int
    granted: int
    partly: int
    alternative_measure: int
    refused: int
    withdrawn: int
    late: int
    median_days: float | None
    longest_days: float | None


def report_requests(cases: Iterable[Case], now_ms: int) -> list[KindReport]:
    """The figures by kind, in the order of kinds; kinds that nobody asked for are left out.

    Args:
        cases: those that were received in the period.
        now_ms: what is open is late, or not yet, as of now.
    """
    by_kind: dict[Kind, list[Case]] = {kind: [] for kind in KINDS}
    for case in cases:
        by_kind[case.kind].append(case)
    return [_report(kind, found, now_ms) for kind, found in by_kind.items() if found]


def _report(kind: Kind, cases: Sequence[Case], now_ms: int) -> KindReport:
    closed = [case for case in cases if not case.is_open]
    outcomes = Counter(case.outcome for case in cases if case.outcome)
    days = [round((case.since_ms - case.received_at_ms) / DAY_MS, 1) for case in closed if case.outcome != "withdrawn"]
    return KindReport(
        kind=kind,
        received=len(cases),
        open=len(cases) - len(closed),
        overdue=sum(case.is_overdue(now_ms) for case in cases),
        granted=outcomes["granted"],
        partly=outcomes["partly"],
        alternative_measure=outcomes["alternative_measure"],
        refused=outcomes["refused"],
        withdrawn=outcomes["withdrawn"],
        late=sum(case.since_ms >= case.deadline(case.since_ms).due_at_ms for case in closed),
        median_days=median(days) if days else None,
        longest_days=max(days, default=None),
    )

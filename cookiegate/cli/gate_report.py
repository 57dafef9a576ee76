"""What a gate did, or would do, as a table at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cookiegate.gate.counts import Counts
from cookiegate.gate.mixed import MixedGates
from cookiegate.gate.surveying import NEVER, Finding, Survey
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.reasons import Reason

_Row = tuple[str, int]
_SHOWN_FIELDS = 40
_FIELDS_RULE = "fields, by the category that a grant must hold for them to pass"


class Report:
    """What would happen to a log, by tracker, and what its events hold.

    Args:
        gates: count what would happen.
        surveys: by tracker.
        knows_tokens: whether tokens were checked; else only the surveys mean anything.
        purpose, audience: as asked for, if they were.
    """

    def __init__(
        self,
        gates: MixedGates,
        surveys: Mapping[str, Survey],
        *,
        knows_tokens: bool,
        purpose: str | None,
        audience: str | None,
    ) -> None:
        self._gates = gates
        self.surveys = surveys
        self.knows_tokens = knows_tokens
        self.purpose = purpose
        self.audience = audience

    def look(self, lines: Sequence[bytes]) -> None:
        """Takes lines into account; the gates count them by themselves."""
        for tracker, line, request in self._gates.split(lines):
            self.surveys[tracker].look(line, request)

    @property
    def counts(self) -> dict[str, Counts]:
        """What would happen, by tracker."""
        return self._gates.counts

    @property
    def total(self) -> Counts:
        """What would happen, all trackers together."""
        return total_of(self.counts)

    def bearing(self) -> tuple[int, int]:
        """How many events carry something in a token's place, and how many do not; of those that can be read."""
        missing = sum(counts.dropped[Reason.TOKEN_MISSING] for counts in self.counts.values())
        readable = sum(survey.everything.accepted for survey in self.surveys.values())
        return max(readable - missing, 0), missing


def total_of(counts: Mapping[str, Counts]) -> Counts:
    """The totals of all trackers."""
    total = Counts()
    for each in counts.values():
        total.add(each)
    return total


def by_category(findings: Iterable[Finding]) -> dict[str, int]:
    """How often fields of each category were seen: the standard order, then others, what never passes last."""
    times: Counter[str] = Counter()
    for finding in findings:
        times[finding.category] += finding.times
    others = sorted(set(times) - {*CATEGORIES, NEVER})
    return {name: times[name] for name in (*CATEGORIES, *others, NEVER) if times[name]}


def counts_table(counts: Mapping[str, Counts]) -> str:
    """What a gate did: in all, and by tracker where there are several."""
    rows = _counted(total_of(counts), "")
    if len(counts) > 1:
        for tracker, each in counts.items():
            rows += [(f"of {tracker}: accepted", each.accepted), ("  dropped", each.dropped.total())]
    return _print(rows)


def report_table(report: Report) -> str:
    """What a gate would do, and what it would do under other grants."""
    parts = []
    if report.knows_tokens:
        parts.append(_print(_counted(report.total, "would be ")))
    else:
        bearing, missing = report.bearing()
        rows = [("events with a token (not checked: no --jwks)", bearing), ("events without a token", missing)]
        parts.append(_print(rows))
    for tracker, survey in report.surveys.items():
        parts.append(f"{tracker}\n{_print(_surveyed(report.counts[tracker], survey, knows=report.knows_tokens))}")
    return "\n\n".join(parts)


def _counted(counts: Counts, would: str) -> list[_Row]:
    dropped = [(reason.value, times) for reason, times in counts.dropped.most_common() if times]
    stripped = _shortened(counts.stripped.most_common()) if would else counts.stripped.most_common()
    rows = [(f"{would}accepted", counts.accepted), (f"{would}dropped", sum(times for _, times in dropped))]
    rows += [(f"  {name}", times) for name, times in dropped]
    rows.append((f"fields {would}stripped", sum(times for _, times in stripped)))
    return rows + [(f"  {name}", times) for name, times in stripped]


def _surveyed(counts: Counts, survey: Survey, *, knows: bool) -> list[_Row]:
    findings = list(survey.findings())
    unreadable = survey.everything.dropped
    rows = [("events that can be read", survey.everything.accepted)]
    rows += [(f"  not: {reason.value}", times) for reason, times in unreadable.most_common() if times]
    if knows:
        rows += [("would be accepted", counts.accepted), ("would be dropped", counts.dropped.total())]
    rows.append((_FIELDS_RULE, sum(finding.times for finding in findings)))
    for category, times in by_category(findings).items():
        name = "never, whatever is granted" if category == NEVER else category
        rows.append((f"  {name}", times))
        of_it = [(finding.name, finding.times) for finding in findings if finding.category == category]
        rows += [(f"    {name}", times) for name, times in _shortened(of_it)]
    return rows


def _shortened(rows: Sequence[_Row]) -> list[_Row]:
    shown, rest = list(rows[:_SHOWN_FIELDS]), rows[_SHOWN_FIELDS:]
    return [*shown, (f"({len(rest)} more)", sum(times for _, times in rest))] if rest else shown


def _print(rows: Sequence[_Row]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {times:>12,}" for name, times in rows)

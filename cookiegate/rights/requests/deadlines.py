"""By when a request must be answered: the law's clocks by where the person lives (S27).

Sources: APPI 33–35, 40 ("without delay"; a person may sue two weeks after the demand, 39(1): hence the 14 days).
GDPR 12(3): a month from receipt, two more where that is announced within the month; months by Regulation 1182/71,
article 3. EDPB guidelines 01/2022: the clock stands still while identity is asked for. UK GDPR 12A (Data (Use and
Access) Act 2025, section 76): the month begins when identity and fee are there. Cal. Code Regs. tit. 11, § 7021:
45 days whatever verification takes, 45 more, receipt confirmed in 10 business days; §§ 7026(f), 7027(g): opt-outs in
15 business days. UK Data Protection Act 2018, 164A: complaints are acknowledged in 30 days.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

from cookiegate.rights.requests.kinds import Kind

#: Where the person says they live; ``other`` gets the strictest of all clocks.
Residence = Literal["jp", "eea", "uk", "us-ca", "other"]
RESIDENCES: tuple[Residence, ...] = ("jp", "eea", "uk", "us-ca", "other")
PauseCause = Literal["identity", "fee"]
Stop = Literal["runs", "suspends", "restarts"]

TARGET_DAYS = 14
DAY_MS = 86_400_000
#: How the target is shared out over the states, in 14ths: each is "without delay" by itself.
STAGE_SHARES = {"received": 3, "verified": 2, "deciding": 5, "decided": 3, "carried_out": 1, "withdrawn": 1}


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time as laws state it."""

    months: int = 0
    days: int = 0
    business_days: int = 0

    def after(self, day: date) -> date:
        """The last day of the span; the day it is counted from is not part of it."""
        return _add_business_days(_add_months(day, self.months) + timedelta(days=self.days), self.business_days)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the person had to act; ``until_ms`` is None while it lasts."""

    cause: PauseCause
    since_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One regime's clock for one kind of request.

    ``west_h`` and ``east_h`` are the region's outermost offsets from UTC: the day of receipt is read where it is
    earliest, the last day ends where it ends first, so that no clock in the region runs out before ours.
    """

    regime: str
    respond: Span
    extension: Span | None
    west_h: int
    east_h: int
    identity: Stop = "runs"
    fee: Stop = "runs"
    acknowledge: Span | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an answer is due. ``due_at_ms`` is the end of ``due_on``; ``stands_still`` while the person has to act."""

    due_on: date
    due_at_ms: int
    acknowledge_on: date | None
    stands_still: bool


def rules_for(residence: Residence, kind: Kind, target_days: int = TARGET_DAYS) -> tuple[Rule, ...]:
    """The clocks that run for a request.

    Args:
        residence: as declared.
        kind: of the request.
        target_days: what "without delay" means to the operator.
    """
    names = RESIDENCES[:-1] if residence == "other" else (residence,)
    return tuple(_rule(name, kind, Span(days=target_days)) for name in names)


def deadline(
    rules: Sequence[Rule],
    received_at_ms: int,
    now_ms: int,
    *,
    pauses: Sequence[Pause] = (),
    extended: bool = False,
) -> Deadline:
    """The earliest of the clocks.

    Args:
        rules: from :func:`rules_for`.
        received_at_ms: when the request came.
        now_ms: a pause that still lasts counts until now.
        pauses: times in which the person had to act.
        extended: whether the time was extended.
    """
    due = [(_due_on(rule, received_at_ms, now_ms, pauses, extended), rule) for rule in rules]
    ends = sorted((_end_ms(day, rule.east_h), day) for day, rule in due)
    acknowledged = [rule.acknowledge.after(_day(received_at_ms, rule.west_h)) for rule in rules if rule.acknowledge]
    lasting = {pause.cause for pause in pauses if pause.until_ms is None}
    still = bool(lasting) and all(_stop(rule, cause) != "runs" for rule in rules for cause in lasting)
    return Deadline(ends[0][1], ends[0][0], min(acknowledged, default=None), still)


def can_extend(rules: Sequence[Rule]) -> bool:
    """Whether every clock that runs allows more time."""
    return all(rule.extension is not None for rule in rules)


def stage_due_ms(state: str, since_ms: int, target_days: int) -> int | None:
    """When a state has lasted too long; None for a state that nothing follows.

    Args:
        state: of the request.
        since_ms: when it came into this state.
        target_days: of the whole way; each state has its share, a day at least.
    """
    share = STAGE_SHARES.get(state)
    return None if share is None else since_ms + max(1, share * target_days // TARGET_DAYS) * DAY_MS


def _rule(residence: str, kind: Kind, target: Span) -> Rule:
    rule = _REGIMES[residence]
    if residence == "jp":
        return replace(rule, respond=target, extension=target)
    if kind == "complaint":  # to the controller: "without undue delay" everywhere
        return replace(rule, respond=target, extension=target, acknowledge=_COMPLAINT.get(residence))
    if residence == "us-ca" and kind in ("stop_provision", "suspension"):
        return replace(rule, respond=Span(business_days=15), extension=None)
    return rule


_REGIMES = {
    "jp": Rule("APPI", Span(days=TARGET_DAYS), Span(days=TARGET_DAYS), 9, 9, "suspends", "suspends"),
    "eea": Rule("GDPR", Span(months=1), Span(months=2), 0, 3, "suspends"),
    "uk": Rule("UK GDPR", Span(months=1), Span(months=2), 0, 1, "restarts", "restarts"),
    "us-ca": Rule("CCPA", Span(days=45), Span(days=45), -8, -7, acknowledge=Span(business_days=10)),
}
_COMPLAINT = {"uk": Span(days=30)}


def _due_on(rule: Rule, received_at_ms: int, now_ms: int, pauses: Sequence[Pause], extended: bool) -> date:
    stopped = [(pause.since_ms, pause.until_ms or now_ms, _stop(rule, pause.cause)) for pause in pauses]
    restarts = [until for _, until, stop in stopped if stop == "restarts"]
    span = rule.respond
    if extended and rule.extension is not None:
        span = Span(*(getattr(span, name) + getattr(rule.extension, name) for name in Span.__dataclass_fields__))
    last = span.after(_day(max([received_at_ms, *restarts]), rule.west_h))
    waited_ms = sum(until - since for since, until, stop in stopped if stop == "suspends")
    return last + timedelta(days=waited_ms // DAY_MS)


def _stop(rule: Rule, cause: PauseCause) -> Stop:
    return rule.identity if cause == "identity" else rule.fee


def _day(at_ms: int, offset_h: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, timezone(timedelta(hours=offset_h))).date()


def _end_ms(day: date, offset_h: int) -> int:
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC) - timedelta(hours=offset_h)
    return int(midnight.timestamp() * 1000)


def _add_months(day: date, months: int) -> date:
    """The same date so many months on; the month's last day where it has no such date (Regulation 1182/71, 3(2)(c))."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _add_business_days(day: date, count: int) -> date:
    """Monday to Friday; holidays count as well, which is never later than the law allows."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day

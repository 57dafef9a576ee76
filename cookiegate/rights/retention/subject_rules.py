"""When the record of a person's decisions is due, and how such people are found without reading everything each hour.

Ids of decisions are ordered by time. Each rule of each site walks through them once, as far as its period has passed,
and remembers where it stopped. A person is judged where the walk meets their last decision: one that comes later moves
them ahead of the walk. So an hour's purge reads an hour's decisions, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.policy.document import Policy
from cookiegate.rights.retention.disposals import DAY_MS
from cookiegate.storage.contract import Read, first_id
from cookiegate.storage.tables import consents, decisions
from cookiegate.storage.tables_retention import retention_progress

#: Decisions that one step of the walk passes at most.
PAGE = 5_000


@dataclass(frozen=True, slots=True)
class SubjectRule:
    """Which last decisions it is about, and how many days after them their person's record is due.

    Args:
        name: in reports and ledger entries.
        record_type: in reports and ledger entries.
        is_it: true of a decision of this sort, without reading what is encrypted.
        days: of a policy, counted from the decision.
    """

    name: str
    record_type: str
    is_it: sa.ColumnElement[bool]
    days: Callable[[Policy], int]


#: A grant ends by itself ``ask_again_days`` after it was given; a refusal by a stranger has no epoch.
RULES = (
    SubjectRule("refused", "refusal", decisions.c.epoch == 0, lambda policy: policy.retention.refusal_days),
    SubjectRule(
        "withdrawn",
        "consent",
        sa.and_(decisions.c.epoch > 0, decisions.c.status_list.is_(None)),
        lambda policy: policy.retention.consent_days,
    ),
    SubjectRule(
        "expired",
        "consent",
        decisions.c.status_list.is_not(None),
        lambda policy: policy.ask_again_days + policy.retention.consent_days,
    ),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person whose last decision is old enough, by the decision's id and their key."""

    decision_id: str
    key_id: int


def cutoff(rule: SubjectRule, policy: Policy, now_ms: int) -> str:
    """The least decision id that is still too young for a rule."""
    return first_id(now_ms - rule.days(policy) * DAY_MS + 1)


def page_end(read: Read, after: str, before: str) -> str | None:
    """The last id of the next page of decisions between two ids; None when there is none."""
    page = sa.select(decisions.c.id).where(decisions.c.id > after, decisions.c.id < before)
    page = page.order_by(decisions.c.id).limit(PAGE)
    found = read(sa.select(sa.func.max(page.subquery().c.id).label("last")))
    last: str | None = found[0]["last"]
    return last


def candidates(read: Read, site: str, rule: SubjectRule, after: str, through: str) -> list[Candidate]:
    """The people of a site whose last decision lies between two ids and falls under a rule, in order of id."""
    inside = (decisions.c.id > after, decisions.c.id <= through)
    return _find(read, rule, *inside, decisions.c.site == site)


def still_due(read: Read, rule: SubjectRule, chosen: Iterable[Candidate]) -> list[Candidate]:
    """Those candidates that decided nothing since and were not erased."""
    return _find(read, rule, decisions.c.id.in_([candidate.decision_id for candidate in chosen]))


def restricted_keys(read: Read, key_ids: Iterable[int]) -> set[int]:
    """Those of some people who had the use of their data restricted: it is kept for them until they lift that.

    Source: GDPR 18(1)(b), (c).
    """
    query = sa.select(consents.c.key_id).where(consents.c.key_id.in_(list(key_ids)), consents.c.restricted)
    return {int(row["key_id"]) for row in read(query)}


def progress(read: Read, site: str, rule: SubjectRule) -> str:
    """Where a rule's walk stopped; the empty text before it began."""
    table = retention_progress
    found = read(sa.select(table.c.after_id).where(table.c.site == site, table.c.rule == rule.name))
    return str(found[0]["after_id"]) if found else ""


def _find(read: Read, rule: SubjectRule, *where: sa.ColumnElement[bool]) -> list[Candidate]:
    later = decisions.alias()
    is_last = ~sa.exists().where(later.c.key_id == decisions.c.key_id, later.c.id > decisions.c.id)
    query = sa.select(decisions.c.id, decisions.c.key_id).where(
        *where, decisions.c.sealed.is_not(None), rule.is_it, is_last
    )
    return [Candidate(row["id"], row["key_id"]) for row in read(query.order_by(decisions.c.id))]

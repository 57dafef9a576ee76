"""Taking a decision through whichever door it came, and what it leaves."""

from __future__ import annotations

from cookiegate.consent.current import Consent, State
from cookiegate.consent.deciding import Decided, DecisionRequest, FollowUp
from cookiegate.consent.records import ShownDecision
from cookiegate.consent.signals import Standing, despite_of, instant_ms, recorded_signal
from cookiegate.policy.document import PublishedPolicy
from cookiegate.storage.contract import DecisionRow
from cookiegate.web.call import Call
from cookiegate.web.damage import refuse_grants_on_damage
from cookiegate.web.service import Service


def take_decision(
    service: Service, published: PublishedPolicy, request: DecisionRequest, follow_up: FollowUp | None = None
) -> Decided:
    """Records a decision.

    Args:
        published: the current policy of the site.
        request: the act.
        follow_up: as for :meth:`~cookiegate.consent.deciding.Decider.decide`.

    Raises:
        RecordDamagedError: nothing can be granted now.
        CookiegateError: as ``Decider.decide`` does.
    """
    refuse_grants_on_damage(service, request)
    is_current = service.book.notice_by_digest(published.policy.site, request.notice) is not None
    decided = service.decider.decide(published, is_current, request, follow_up)
    if decided.row.sub is not None and published.policy.takes_late_events:
        service.withdrawals.note(decided.row.sub, decided.row.epoch, decided.row.decided_at_ms, decided.row.id)
    service.metrics.decided(published.policy.site, request.action)
    return decided


def consent_after(
    service: Service, call: Call, published: PublishedPolicy, row: DecisionRow, shown: ShownDecision
) -> Consent:
    """The consent that a decision made; a refusal is left in peace for as long as the place of the call wants."""
    choices = service.decider.choices.under(published)
    grant = choices.recorded(shown.policy_version, bytes(shown.purposes), bytes(shown.acquire))
    state: State = "granted" if grant else "refused"
    seen = recorded_signal(row.record)
    decided_at_ms = instant_ms(seen.since) if seen is not None and seen.since else row.decided_at_ms
    standing = Standing(seen.seen if seen else None, despite_of(row.record))
    given = (shown.policy_version, row.epoch, grant, decided_at_ms)
    refused_days = 0 if grant else service.places.refused_days(call, published.policy)
    return Consent(published, state, None, *given, standing=standing, refused_days=refused_days)

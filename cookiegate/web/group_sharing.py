"""A choice on one site of a group, recorded for the others as well: each in a record and under a handle of its own.

A no counts everywhere. A yes only fills in what is open: what this browser refused on a site stays refused there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

import msgspec

from cookiegate.consent.current import Consent, consent_of
from cookiegate.consent.deciding import Decided, DecisionRequest
from cookiegate.consent.grants import Grant
from cookiegate.consent.records import Shared, is_shared, read_shown
from cookiegate.consent.signals import Standing, affected_keys, despite_of
from cookiegate.errors import CookiegateError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.storage.contract import ConsentRow, DecisionRow
from cookiegate.web.call import Call
from cookiegate.web.logs import get_logger
from cookiegate.web.service import Service
from cookiegate.web.taking import consent_after, take_decision
from cookiegate.web.visitors import choice_of, forget_handle, handle_of, keep_choice, signal_of, void_pending

Cookies = list[tuple[str, str]]
Choices = dict[str, bool]


def share_decision(
    service: Service, call: Call, published: PublishedPolicy, request: DecisionRequest, decided: Decided
) -> Cookies:
    """Records a decision for the sites that share it.

    What cannot be recorded there is logged, and the visitor is asked there.

    Args:
        published: the policy that was decided under.
        request, decided: the visitor's own act, durable.

    Returns:
        ``Set-Cookie`` headers, by which the other sites know.
    """
    cookies: Cookies = []
    if decided.superseded:  # a later act has been shared
        return cookies
    for sibling in service.groups.siblings(published):
        act = _Act(service, call, published, request, decided.row, sibling)
        try:
            cookies += act.share()
        except Exception as error:  # whatever it is, the visitor's own decision stands
            cookies += act.give_up(error)
    return cookies


@dataclass(frozen=True, slots=True)
class _Act:
    """One decision on its way to one other site."""

    service: Service
    call: Call
    published: PublishedPolicy
    request: DecisionRequest
    row: DecisionRow
    sibling: PublishedPolicy

    @property
    def site(self) -> str:
        return self.sibling.policy.site

    def share(self) -> Cookies:
        request = self._translate()
        if request is None:
            return []
        decided = take_decision(self.service, self.sibling, request)
        if decided.superseded:
            return []
        consent = consent_after(self.service, self.call, self.sibling, decided.row, read_shown(decided.row.record))
        kept = keep_choice(self.service, consent, decided.handle)
        if decided.row.slot is None:  # a no that waits there is never made void by what allows anything
            kept += void_pending(self.service, self.call, self.sibling.policy, is_elsewhere=True)
        return kept

    def give_up(self, error: Exception) -> Cookies:
        if isinstance(error, CookiegateError):
            get_logger().warning("choice_not_shared", site=self.site, action=self.request.action, code=error.code)
        else:
            get_logger().error("choice_not_shared", site=self.site, action=self.request.action, exc_info=error)
        # Without its handle nothing is allowed there any more.
        return [] if self._grants else forget_handle(self.service, self.sibling.policy)

    @property
    def _grants(self) -> bool:
        return self.row.slot is not None and self.request.action != "signal"

    def _translate(self) -> DecisionRequest | None:
        """The same act for the other site; None where it is none there."""
        policy, handle = self.sibling.policy, handle_of(self.call, self.site)
        row = self.service.decider.find(self.site, handle)
        earlier = self.service.storage.decision(row.decision_id) if row else None
        before = self._consent(row, earlier)
        if self.request.action == "signal" and not before.is_ended_by_signal:
            return None
        counts = before.ask_reason is None
        if self._grants and counts and before.state == "refused":
            return None
        is_own = counts and earlier is not None and not is_shared(earlier.record)
        purposes, acquire = self._allowed(before, within=before.grant if is_own else None)
        names = self.request.action in ("accept", "choose")
        notice = self.service.book.notice_by_digest(self.published.policy.site, self.request.notice)
        key = f"{self.request.idempotency_key} {self.published.policy.site} {self.site}"
        return DecisionRequest(
            notice=self.service.book.notice(self.site, notice.locale if notice else policy.locales[0]).sha256,
            action=self.request.action,
            idempotency_key=hashlib.sha256(key.encode()).hexdigest(),
            purposes=purposes if names else None,
            acquire=acquire if names else None,
            epoch=row.epoch if row else 0,
            handle=handle,
            device=self.request.device,
            signal=before.standing.seen,
            shared=Shared(self.row.id, self.published.policy.site),
        )

    def _consent(self, row: ConsentRow | None, earlier: DecisionRow | None) -> Consent:
        """What holds there until now."""
        seen = signal_of(self.call, self.sibling, self.request.signal)
        return consent_of(
            self.sibling,
            row,
            choice_of(self.call, self.sibling.policy),
            self.service.clock.now_ms(),
            standing=Standing(seen, despite_of(earlier.record) if earlier else None),
            refused_days=partial(self.service.places.refused_days, self.call, self.sibling.policy),
        )

    def _allowed(self, before: Consent, *, within: Grant | None) -> tuple[Choices, Choices]:
        """Of what was allowed here, what the other site asks for; ``within``: and what was allowed there itself."""
        policy, shown = self.sibling.policy, read_shown(self.row.record)
        purposes, acquire = _allowed_of(shown.purposes), _allowed_of(shown.acquire)
        if self.request.action == "accept" and before.standing.seen is not None:
            purposes -= affected_keys(policy)  # nobody named them
        if within is not None:
            purposes &= set(within.purposes)
            acquire &= set(within.acquire)
        asked = [purpose.key for purpose in policy.optional_purposes]
        return {key: key in purposes for key in asked}, {key: key in acquire for key in policy.optional_categories}


_read_choices = msgspec.json.Decoder(dict[str, bool]).decode


def _allowed_of(recorded: msgspec.Raw) -> set[str]:
    return {key for key, allowed in _read_choices(bytes(recorded)).items() if allowed}

"""The consent that holds now, and whether the visitor must be asked (again)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from cookiegate.clock import rfc3339
from cookiegate.consent.grants import Grant, shown_acquire, shown_purposes
from cookiegate.consent.signals import Standing, affected_keys, is_answer
from cookiegate.policy.document import PublishedPolicy
from cookiegate.storage.contract import ConsentRow

DAY_MS = 86_400_000
#: The policy version of a consent that counts again only when the person has confirmed it: what came after it is lost.
TO_CONFIRM = 0
NO_SIGNAL = Standing()
State = Literal["undecided", "granted", "refused"]
AskReason = Literal["undecided", "policy_changed", "expired"]

_REFUSED = re.compile(r"refused\.([0-9]{1,9})\.([0-9]{8})")


class Consent(msgspec.Struct, frozen=True):
    """What holds for one visitor on one site. ``grant`` is what was given, ``ask_reason`` why it holds no longer.

    Where the person had the use of their data ``restricted``, nothing is allowed and nothing is asked.
    """

    published: PublishedPolicy
    state: State
    ask_reason: AskReason | None
    policy_version: int | None
    epoch: int
    grant: Grant
    decided_at_ms: int | None
    restricted: bool = False
    standing: Standing = NO_SIGNAL
    #: The least days for which a refusal is left in peace where the visitor is.
    refused_days: int = 0

    @property
    def days(self) -> int:
        """How long the choice is kept, and nobody is asked again."""
        policy = self.published.policy
        return policy.ask_again_days if self.grant else max(policy.refused_days, self.refused_days)

    @property
    def effective(self) -> Grant:
        """What of the grant holds now: nothing where the visitor is to be asked, and not what a signal switches off."""
        if self.ask_reason is not None:
            return Grant()
        if not self.standing.holds_back:
            return self.grant
        held = affected_keys(self.published.policy)
        kept = tuple(key for key in self.grant.purposes if key not in held)
        return Grant(kept, self.grant.acquire).within(self.published.policy)

    @property
    def expires_at_ms(self) -> int | None:
        """When the visitor is asked again; while they have the use restricted, they are not."""
        if self.decided_at_ms is None or self.restricted:
            return None
        return self.decided_at_ms + self.days * DAY_MS

    @property
    def is_usable(self) -> bool:
        """Whether a token may be issued."""
        return self.state == "granted" and self.ask_reason is None and bool(self.effective)

    @property
    def is_ended_by_signal(self) -> bool:
        """Whether the visitor's browser signals against a part of what holds, which nobody allowed in spite of that."""
        return self.state == "granted" and self.ask_reason is None and self.effective != self.grant

    def shown(self) -> dict[str, Any]:
        """The consent as the API shows it; it holds no identifier."""
        policy, usable = self.published.policy, self.effective
        asks = self.ask_reason is not None and not is_answer(policy, self.standing.seen)
        return {
            "site": policy.site,
            "state": self.state,
            "restricted": self.restricted,
            "ask": asks,
            "ask_reason": self.ask_reason if asks else None,
            "policy_version": self.policy_version,
            "current_policy_version": self.published.version,
            "epoch": self.epoch,
            "purposes": shown_purposes(policy, usable.purposes),
            "acquire": shown_acquire(policy, usable.acquire),
            "decided_at": None if self.decided_at_ms is None else rfc3339(self.decided_at_ms),
            "expires_at": None if self.expires_at_ms is None else rfc3339(self.expires_at_ms),
            "signal": self.standing.seen,
            "despite": self.standing.despite,
        }

    def choice_cookie(self) -> str:
        """The page-readable cookie ``cg_choice``: what was chosen, under which version, on which day. No identifier."""
        day = rfc3339(self.decided_at_ms or 0)[:10].replace("-", "")
        if not self.grant:
            return f"refused.{self.policy_version}.{day}"
        purposes, acquire = "+".join(self.grant.purposes), "+".join(self.grant.acquire)
        despite = f".{self.standing.despite}" if self.standing.despite else ""
        return f"granted.{self.policy_version}.{day}.{self.epoch}.{purposes}.{acquire}{despite}"


def consent_of(
    published: PublishedPolicy,
    row: ConsentRow | None,
    choice_cookie: str | None,
    now_ms: int,
    *,
    standing: Standing = NO_SIGNAL,
    refused_days: Callable[[], int] = lambda: 0,
) -> Consent:
    """What holds for a visitor.

    Args:
        published: the site's current policy.
        row: the record under the visitor's handle, if they hold one.
        choice_cookie: the ``cg_choice`` cookie; it counts only for a refusal, which it can only make stricter.
        now_ms: the time.
        standing: how the visitor's consent stands to a signal.
        refused_days: gives what :class:`Consent` has under this name; asked only where something was refused.
    """
    consent = msgspec.structs.replace(_consent_of(published, row, choice_cookie, now_ms), standing=standing)
    if consent.decided_at_ms is not None and not consent.grant:
        consent = msgspec.structs.replace(consent, refused_days=refused_days())
    expires_at_ms = consent.expires_at_ms
    if consent.ask_reason is None and expires_at_ms is not None and now_ms >= expires_at_ms:
        return msgspec.structs.replace(consent, ask_reason="expired")
    return consent


def _consent_of(published: PublishedPolicy, row: ConsentRow | None, choice_cookie: str | None, now_ms: int) -> Consent:
    if row is not None and row.restricted:
        decided = (row.policy_version or None, row.epoch, Grant(), row.decided_at_ms)
        return Consent(published, "refused", None, *decided, restricted=True)
    if row is not None:
        grant = Grant(tuple(row.purposes.split()), tuple(row.acquire.split())).within(published.policy)
        state: State = "granted" if row.is_granted else "refused"
        return _with_version(published, state, row.policy_version, row.epoch, grant, row.decided_at_ms)
    refused = _REFUSED.fullmatch(choice_cookie or "")
    decided_at_ms = _day_ms(refused[2]) if refused else None
    # A version or a day that is still to come was not written by our pages; the day may be tomorrow's elsewhere.
    if refused is None or decided_at_ms is None or int(refused[1]) > published.version:
        return Consent(published, "undecided", "undecided", None, 0, Grant(), None)
    if decided_at_ms > now_ms + DAY_MS:
        return Consent(published, "undecided", "undecided", None, 0, Grant(), None)
    return _with_version(published, "refused", int(refused[1]), 0, Grant(), decided_at_ms)


def _with_version(
    published: PublishedPolicy, state: State, version: int, epoch: int, grant: Grant, decided_at_ms: int
) -> Consent:
    if version == TO_CONFIRM:
        return Consent(published, state, "expired", None, epoch, grant, decided_at_ms)
    reason: AskReason | None = "policy_changed" if version < published.holds_since else None
    return Consent(published, state, reason, version, epoch, grant, decided_at_ms)


def _day_ms(text: str) -> int | None:
    try:
        return int(datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None

"""Taking a decision: one transaction, acknowledged when durable, repeatable by its idempotency key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from cookiegate.clock import Clock, rfc3339
from cookiegate.consent.choices import Choice, ChoiceBook
from cookiegate.consent.current import consent_of
from cookiegate.consent.grants import Action, Grant
from cookiegate.consent.ids import derive_handle, hash_handle, new_subject
from cookiegate.consent.records import NO_SIGNAL, VERSION, VERSION_OF_SHARED, DecisionRecord, Shared
from cookiegate.consent.signals import affected_keys, describe
from cookiegate.errors import (
    ConsentMissingError,
    EpochStaleError,
    IdempotencyConflictError,
    NoticeStaleError,
)
from cookiegate.ledger.hashing import canonical, leaf_hash, new_salt
from cookiegate.ledger.ids import new_id
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.pages import Signal
from cookiegate.storage.contract import (
    AnswerRow,
    ConsentRow,
    DecisionRow,
    StatusSlot,
    Storage,
    WriteTransaction,
)


class DecisionRequest(msgspec.Struct, frozen=True):
    """A visitor's act, already of the right shape.

    ``epoch`` is the one their page last saw, if it says. ``ui`` is the digest of the surface that was shown to them, if
    it is one of ours. ``signal`` is the one that their browser sent along. ``shared`` says where the act was, if on
    another site: then purposes and categories are what was allowed there, whatever the action.
    """

    notice: str
    action: Action
    idempotency_key: str
    purposes: Mapping[str, bool] | None = None
    acquire: Mapping[str, bool] | None = None
    epoch: int | None = None
    handle: str | None = None
    device: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    ui: str | None = None
    signal: Signal | None = None
    shared: Shared | None = None

    def digest(self) -> bytes:
        """What must be equal for a repeated key to be the same request, whatever the order of keys.

        The key is hashed too: without it, which is not stored, nobody can try choices until one fits.
        """
        facts = {
            "key": self.idempotency_key,
            "notice": self.notice,
            "action": self.action,
            "purposes": self.purposes,
            "acquire": self.acquire,
            "epoch": self.epoch,
        }
        if self.shared is not None:  # always the same act, whatever became of this site since
            facts = {"key": self.idempotency_key, "shared": self.shared.decision}
        return hashlib.sha256(canonical(facts)).digest()


class Decided(msgspec.Struct, frozen=True):
    """A durable decision.

    ``handle`` is what the visitor's browser is to keep, None when it is to forget. ``superseded`` is true for a
    repeated request whose decision was followed by another: its answer must not bring the old state back.
    """

    row: DecisionRow
    handle: str | None
    superseded: bool = False


FollowUp = Callable[[Decided], Callable[[], object] | None]


class Revoked(Protocol):
    """Told of every revocation once it is durable, before the decision is acknowledged."""

    def __call__(self, slot: StatusSlot, sub: str, epoch: int) -> None:
        """Makes the gates of this process deny the old tokens of ``sub`` from now on."""
        ...


class Lifted(Protocol):
    """Told of every grant that ends a restriction, inside its transaction."""

    def __call__(self, transaction: WriteTransaction, before: ConsentRow, epoch: int, at_ms: int) -> object:
        """Records that the person's own new grant, at ``epoch``, lifted the restriction of ``before``."""
        ...


@dataclass(slots=True)
class _Revocation:
    slot: StatusSlot
    sub: str
    epoch: int


class Decider:
    """Takes decisions.

    Args:
        storage: the record.
        handle_secret: 32 bytes from which handles are derived.
        on_revoked: called after the commit for each consent that a decision ended or replaced.
        clock: server time; the visitor's is never asked.
        on_lifted: called inside the transaction of a grant by somebody whose data was restricted.
        on_repeated: called with the person and the epoch of a decision that was recorded by an earlier try. That try
            may have been told that it failed, and have gone without saying what it ended.
    """

    def __init__(
        self,
        storage: Storage,
        handle_secret: bytes,
        on_revoked: Revoked,
        clock: Clock,
        on_lifted: Lifted = lambda transaction, before, epoch, at_ms: None,
        on_repeated: Callable[[str, int], None] = lambda sub, epoch: None,
    ) -> None:
        self._storage = storage
        self._secret = handle_secret
        self._on_revoked = on_revoked
        self._on_repeated = on_repeated
        self._clock = clock
        self.on_lifted = on_lifted
        self.choices = ChoiceBook()

    def decide(
        self,
        published: PublishedPolicy,
        notice_is_current: bool,
        request: DecisionRequest,
        follow_up: FollowUp | None = None,
    ) -> Decided:
        """Records one decision and returns once it is durable.

        Args:
            published: the site's current policy.
            notice_is_current: whether ``request.notice`` is one of that version's notices.
            request: the act.
            follow_up: may be called with the decision once it is durable, in another thread and before this returns;
                it gives what is to be done right after that.

        Returns:
            The decision; for a repeated idempotency key the one that was recorded first.

        Raises:
            InvalidInputError: unknown or contradictory purposes or categories.
            NoticeStaleError: the notice is not a current one.
            EpochStaleError: a grant that was decided on an outdated view. What grants nothing is never stale, so that
                of two acts at the same time the withdrawal wins.
            IdempotencyConflictError: the key came before with another body.
            StorageError: nothing was recorded; a retry is safe.
        """
        act = _Act(self, published, notice_is_current, request)
        if follow_up is not None:
            act.follow_up = follow_up
        decided = self._storage.write(act, side_by_side=True)
        if act.revocation is not None:
            self._on_revoked(act.revocation.slot, act.revocation.sub, act.revocation.epoch)
        if act.is_repeat and decided.row.sub is not None:
            self._on_repeated(decided.row.sub, decided.row.epoch)
        return decided

    def find(self, site: str, handle: str | None) -> ConsentRow | None:
        """The consent of whoever holds this handle."""
        return None if handle is None else self._storage.find_consent(site, hash_handle(handle))

    def now_ms(self) -> int:
        """The time that decisions are stamped with."""
        return self._clock.now_ms()

    def new_key(self) -> int:
        """A subject key for someone new."""
        return self._storage.vault.new_key()

    def handle_for(self, site: str, idempotency_key: str) -> str:
        """The handle that a new visitor gets for this request."""
        return derive_handle(self._secret, site, idempotency_key)

    def older_notice_version(self, site: str, digest: str) -> int | None:
        """The policy version of a notice that is no longer current."""
        return self._storage.policies.notice_version(site, digest)


class _Earlier(msgspec.Struct):
    """What a signal leaves standing is what an earlier decision allowed."""

    notice: str
    policy_version: int
    purposes: dict[str, bool]
    acquire: dict[str, bool]


_read_earlier = msgspec.json.Decoder(_Earlier).decode


def _nothing(_: Decided) -> None:
    """Nothing follows."""


class _Act:
    """One decision inside its transaction."""

    def __init__(
        self, decider: Decider, published: PublishedPolicy, notice_is_current: bool, request: DecisionRequest
    ) -> None:
        self._decider = decider
        self._published = published
        self._site = published.policy.site
        self._request = request
        self._version = published.version
        self._is_stale = not notice_is_current
        self._notice = request.notice
        self._since_ms: int | None = None
        if self._is_stale and request.action == "withdraw":
            self._accept_older_notice()
        self._choice = self._read_choice()
        self._grant = self._choice.grant
        self.revocation: _Revocation | None = None
        self.is_repeat = False
        self.follow_up: FollowUp = _nothing

    def _accept_older_notice(self) -> None:
        # Withdrawing must be as easy as giving (GDPR 7(3)): a page that is still open under an older notice may do it.
        version = self._decider.older_notice_version(self._site, self._request.notice)
        if version is not None:
            self._version, self._is_stale = version, False

    def _read_choice(self) -> Choice:
        request, choices = self._request, self._decider.choices.under(self._published)
        if self._is_stale or request.action in ("withdraw", "signal"):
            return choices.of(Grant())
        under_signal = request.signal is not None
        # What a button means elsewhere was worked out there.
        action = "choose" if request.shared and request.action == "accept" else request.action
        return choices.decide(action, request.purposes, request.acquire, under_signal=under_signal)

    def __call__(self, transaction: WriteTransaction) -> Decided:
        self.revocation = None  # it may be called again
        key_hash = hashlib.sha256(self._request.idempotency_key.encode()).digest()
        now_ms = self._decider.now_ms()
        mine = AnswerRow(self._site, key_hash, self._request.digest(), new_id(now_ms), now_ms)
        earlier = transaction.claim_answer(mine)
        if earlier is not None:
            self.is_repeat = True
            return self._repeat(transaction, earlier, mine.body_hash)
        if self._is_stale and self._request.action != "signal":
            raise NoticeStaleError(
                "the notice is not the current one; fetch the current notice, show it and ask again",
                current_policy_version=self._published.version,
            )
        return self._record(transaction, mine)

    def _repeat(self, transaction: WriteTransaction, answer: AnswerRow, body_hash: bytes) -> Decided:
        if answer.body_hash != body_hash:
            raise IdempotencyConflictError("this Idempotency-Key was used for another decision; use a new one")
        row = transaction.find_decision(answer.decision_id)
        if row is None or row.is_erased:
            raise IdempotencyConflictError("the decision of this Idempotency-Key is no longer kept; use a new one")
        # A first grant made its handle from the key; a later one kept the handle that the request carried.
        handle, superseded = None, False
        for candidate in (self._decider.handle_for(self._site, self._request.idempotency_key), self._request.handle):
            consent = candidate and transaction.find_consent(self._site, hash_handle(candidate))
            if consent and consent.decision_id == row.id:
                handle = candidate if consent.is_granted else None
                superseded = superseded or consent.epoch != row.epoch  # restricted since, or restricted and lifted
            elif consent:
                superseded = superseded or consent.decided_at_ms >= row.decided_at_ms
        # A grant whose handle nobody holds any more was ended by a later act that took the handle away.
        return Decided(row, handle, superseded or (row.slot is not None and handle is None))

    def _record(self, transaction: WriteTransaction, answer: AnswerRow) -> Decided:
        handle = self._request.handle
        before = transaction.find_consent(self._site, hash_handle(handle)) if handle else None
        epoch = before.epoch if before else 0
        self._check_epoch(epoch)
        active = before if before and before.is_granted else None
        if self._request.action == "signal":
            self._narrow(transaction, active)
        if active is None and not self._grant:
            return Decided(self._append(transaction, answer, self._decider.new_key(), None, 0, None), None)
        subject, key_id = (active.sub, active.key_id) if active else (new_subject(), self._decider.new_key())
        if active is None:
            handle = self._decider.handle_for(self._site, self._request.idempotency_key)
        slot = transaction.allocate_slot() if self._grant else None
        row = self._append(transaction, answer, key_id, subject, epoch + 1, slot)
        if active is not None and active.slot is not None:
            self.revocation = _Revocation(active.slot, subject, epoch + 1)
            transaction.revoke(active.slot, self._site, subject, epoch + 1, row.decided_at_ms)
        restricted = active is not None and active.restricted
        if active is not None and restricted and self._grant:
            self._decider.on_lifted(transaction, active, epoch + 1, row.decided_at_ms)
        transaction.put_consent(self._consent(row, str(handle), subject, restricted and not self._grant))
        return Decided(row, handle if self._grant else None)

    def _narrow(self, transaction: WriteTransaction, active: ConsentRow | None) -> None:
        """Takes from what is allowed what a signal switches off. The rest holds no longer than before.

        Raises:
            ConsentMissingError: nothing is allowed, nothing of it is in use, or the person is to be asked again.
        """
        before = transaction.find_decision(active.decision_id) if active else None
        counts = consent_of(self._published, active, None, self._decider.now_ms()).ask_reason is None
        if active is None or active.restricted or before is None or not counts:
            raise ConsentMissingError("no consent holds, so there is nothing for a signal to end", ask_reason="refused")
        earlier = _read_earlier(before.record)
        held = affected_keys(self._published.policy)
        purposes = {key: given and key not in held for key, given in earlier.purposes.items()}
        allowed = tuple(key for key in active.purposes.split() if purposes.get(key))
        used = Grant(allowed, tuple(active.acquire.split())).within(self._published.policy)
        acquire = {key: given and key in used.acquire for key, given in earlier.acquire.items()}
        self._choice = Choice(used, *(msgspec.Raw(canonical(part)) for part in (purposes, acquire)))
        self._grant, self._since_ms = used, active.decided_at_ms
        # It is still the consent that was given under the notice of that time.
        self._version, self._notice = earlier.policy_version, earlier.notice

    def _check_epoch(self, current: int) -> None:
        seen = self._request.epoch
        if self._grant and seen is not None and seen != current:
            raise EpochStaleError(
                "this consent was changed elsewhere since the page read it; read the consent and ask again",
                epoch=current,
            )

    def _append(
        self,
        transaction: WriteTransaction,
        answer: AnswerRow,
        key_id: int,
        sub: str | None,
        epoch: int,
        slot: StatusSlot | None,
    ) -> DecisionRow:
        row_id, now_ms, salt = answer.decision_id, answer.created_at_ms, new_salt()
        record = self._describe(row_id, sub, epoch, now_ms)
        leaf = leaf_hash(salt, record)
        row = DecisionRow(row_id, self._site, key_id, sub, epoch, record, salt, leaf, slot, now_ms)
        transaction.append_decision(row)
        return row

    def _describe(self, row_id: str, sub: str | None, epoch: int, now_ms: int) -> bytes:
        shared = self._request.shared
        return DecisionRecord(
            acquire=self._choice.acquire,
            action=self._request.action,
            decided_at=rfc3339(now_ms),
            device=msgspec.Raw(canonical(self._request.device)),
            epoch=epoch,
            id=row_id,
            notice=self._notice,
            policy_version=self._version,
            purposes=self._choice.purposes,
            shared=shared or msgspec.UNSET,
            signal=self._describe_signal(),
            site=self._site,
            sub=sub,
            ui=self._request.ui,
            v=VERSION_OF_SHARED if shared else VERSION,
        ).written()

    def _describe_signal(self) -> msgspec.Raw:
        seen = self._request.signal
        if seen is None:
            return NO_SIGNAL
        since = None if self._since_ms is None else rfc3339(self._since_ms)
        return msgspec.Raw(canonical(describe(self._published.policy, seen, self._grant.purposes, since)))

    def _consent(self, row: DecisionRow, handle: str, subject: str, restricted: bool) -> ConsentRow:
        return ConsentRow(
            site=self._site,
            handle_hash=hash_handle(handle),
            key_id=row.key_id,
            sub=subject,
            epoch=row.epoch,
            policy_version=self._version,
            purposes=" ".join(self._grant.purposes),
            acquire=" ".join(self._grant.acquire),
            slot=row.slot,
            decision_id=row.id,
            decided_at_ms=row.decided_at_ms if self._since_ms is None else self._since_ms,
            restricted=restricted,
        )

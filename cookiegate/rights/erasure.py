"""Erasing a person: tokens end, other systems are told, the key is destroyed, and the ledger says so (S18, S23).

What has a key of its own (requests, provision records) keeps to its own retention.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.consent.deciding import Revoked
from cookiegate.errors import NotFoundError
from cookiegate.ledger.entries import record_entry
from cookiegate.rights.delivery.streams import append_stream
from cookiegate.rights.holds import refuse_held
from cookiegate.storage.contract import ConsentRow, DecisionRow, StatusSlot, Storage, WriteTransaction
from cookiegate.storage.tables_retention import erasures


@dataclass(frozen=True, slots=True)
class Erased:
    """A person who was erased.

    Args:
        entry_id: of the ledger entry; None when retention had disposed of everything before anybody asked.
        decisions: how many lost their payload.
        sequence: of the event in the stream ``erase``; None where no system can hold anything (a refusal).
    """

    key_id: int
    entry_id: str | None
    decisions: int
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A token's end that this process has still to hear of."""

    slot: StatusSlot
    sub: str
    epoch: int


class Erasure:
    """Erases people.

    Args:
        storage: the record.
        on_revoked: called after the commit for each consent that ended with it.
        clock: dates the entries.
    """

    def __init__(self, storage: Storage, on_revoked: Revoked, clock: Clock) -> None:
        self._storage = storage
        self._on_revoked = on_revoked
        self._clock = clock

    def erase(self, key_id: int, *, site: str, by: str, request_id: str | None = None) -> Erased:
        """Erases everything under a subject key for good. Repeating it changes nothing and answers the same.

        Args:
            key_id: of the person.
            site: where; a key belongs to one site.
            by: who or what did it, for the ledger: ``self``, an officer, a rule; never a name of the person.
            request_id: the request that it carries out.

        Raises:
            NotFoundError: the key has nothing at this site.
            OnHoldError: a legal hold covers it; nothing was changed.
            StorageError: nothing was erased, or the key waits to be destroyed; a retry is safe.

        Source: GDPR 17; APPI 35; crypto-shredding as in docs/architecture.md.
        """
        now_ms = self._clock.now_ms()
        erased, ended = self._storage.write(
            lambda transaction: _erase(transaction, key_id, site, by, request_id, now_ms)
        )
        for end in ended:
            self._on_revoked(end.slot, end.sub, end.epoch)
        self._storage.shred()
        return erased


def end_tokens(transaction: WriteTransaction, consent: ConsentRow, at_ms: int) -> list[Ended]:
    """Revokes the tokens of a consent; its next epoch is the least that counts."""
    if consent.slot is None:
        return []
    epoch = consent.epoch + 1
    transaction.revoke(consent.slot, consent.site, consent.sub, epoch, at_ms)
    return [Ended(consent.slot, consent.sub, epoch)]


def _erase(
    transaction: WriteTransaction, key_id: int, site: str, by: str, request_id: str | None, now_ms: int
) -> tuple[Erased, list[Ended]]:
    decisions, consents = transaction.decisions_of_key(key_id), transaction.consents_of_key(key_id)
    if not decisions or any(row.site != site for row in decisions):
        raise NotFoundError("there is nothing under this key at this site")
    kept = [row for row in decisions if not row.is_erased]
    if not kept and not consents:
        return _answer_again(transaction, key_id), []
    refuse_held(transaction.execute, site, key_id, now_ms)
    ended = [end for consent in consents for end in end_tokens(transaction, consent, now_ms)]
    sequence = _tell_others(transaction, kept, consents, request_id, now_ms)
    body = {"erased_keys": [key_id], "decisions": len(kept), "request": request_id, "by": by}
    entry = record_entry(transaction, kind="erasure", site=site, body=body, at_ms=now_ms)
    transaction.erase_key(key_id)
    values = {"key_id": key_id, "entry_id": entry.id, "decisions": len(kept), "stream_sequence": sequence}
    transaction.execute(sa.insert(erasures).values(**values, erased_at_ms=now_ms))
    return Erased(key_id, entry.id, len(kept), sequence), ended


def _tell_others(
    transaction: WriteTransaction,
    decisions: list[DecisionRow],
    consents: list[ConsentRow],
    request_id: str | None,
    now_ms: int,
) -> int | None:
    of_person: list[DecisionRow | ConsentRow] = [*decisions, *consents]
    rows = [row for row in of_person if row.sub is not None]
    if not rows:
        return None
    sub, epoch = rows[-1].sub or "", max(row.epoch for row in rows) + 1
    return append_stream(
        transaction, kind="erase", site=rows[-1].site, sub=sub, epoch=epoch, at_ms=now_ms, request_id=request_id
    )


def _answer_again(transaction: WriteTransaction, key_id: int) -> Erased:
    found = transaction.execute(sa.select(erasures).where(erasures.c.key_id == key_id))
    if not found:
        return Erased(key_id, None, 0, None)
    row = found[0]
    return Erased(key_id, row["entry_id"], row["decisions"], row["stream_sequence"])

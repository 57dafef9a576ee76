"""Restriction of use: the data is kept, nothing is done with it, until the person says otherwise (S24).

Source: GDPR 18, 4(3), recital 67; APPI 35(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from msgspec.structs import replace

from cookiegate.clock import Clock
from cookiegate.consent.deciding import Revoked
from cookiegate.errors import NotFoundError
from cookiegate.ledger.entries import EntryKind, record_entry
from cookiegate.rights.delivery.streams import append_stream
from cookiegate.rights.erasure import Ended, end_tokens
from cookiegate.storage.contract import ConsentRow, StatusSlot, Storage, WriteTransaction
from cookiegate.storage.tables_deliveries import stream_events

_ENTRIES: dict[str, EntryKind] = {"suspend": "restriction", "resume": "restriction_lifted"}


@dataclass(frozen=True, slots=True)
class Restricted:
    """How a consent stands after restricting or lifting.

    ``sequence`` is of the event in the stream ``suspend`` or ``resume``; None when it was so already, and every
    subscriber has acknowledged it.
    """

    key_id: int
    restricted: bool
    sequence: int | None


class Restriction:
    """Restricts the use of a person's data, and lifts that again.

    Args:
        storage: the record.
        on_revoked: called after the commit for each consent whose tokens ended.
        clock: dates the entries.
    """

    def __init__(self, storage: Storage, on_revoked: Revoked, clock: Clock) -> None:
        self._storage = storage
        self._on_revoked = on_revoked
        self._clock = clock

    def restrict(self, site: str, key_id: int, *, by: str, request_id: str | None = None) -> Restricted:
        """Ends the tokens, tells other systems to set the data aside, and gives no token from now on.

        Args:
            site: where.
            key_id: of the person.
            by: who or what did it, for the ledger.
            request_id: the request that it carries out.

        Raises:
            NotFoundError: the person has no consent at this site, given or withdrawn, so nothing is used.
        """
        now_ms, ended = self._clock.now_ms(), list[Ended]()

        def work(transaction: WriteTransaction) -> Restricted:
            rows = [row for row in _consents(transaction, site, key_id) if not row.restricted]
            for row in rows:
                ended.extend(end_tokens(transaction, row, now_ms))
                transaction.put_consent(replace(row, restricted=True, slot=None, epoch=row.epoch + 1))
                _record(transaction, row, "suspend", row.epoch + 1, by, request_id, now_ms)
            return Restricted(key_id, restricted=True, sequence=_waiting(transaction, "suspend", site, key_id))

        restricted = self._storage.write(work)
        for end in ended:
            self._on_revoked(end.slot, end.sub, end.epoch)
        return restricted

    def lift(self, site: str, key_id: int, *, by: str, request_id: str | None = None) -> Restricted:
        """Lets the consent count again as it was before; the person must have been told (GDPR 18(3)).

        Args:
            site, key_id, by, request_id: as :meth:`restrict`.

        Raises:
            NotFoundError: as :meth:`restrict`.
        """
        now_ms = self._clock.now_ms()

        def work(transaction: WriteTransaction) -> Restricted:
            rows = [row for row in _consents(transaction, site, key_id) if row.restricted]
            for row in rows:
                slot = transaction.allocate_slot() if row.is_granted else None  # the old one was revoked for ever
                transaction.put_consent(replace(row, restricted=False, slot=slot, epoch=row.epoch + 1))
                _record(transaction, row, "resume", row.epoch + 1, by, request_id, now_ms, slot)
            return Restricted(key_id, restricted=False, sequence=_waiting(transaction, "resume", site, key_id))

        return self._storage.write(work)


def record_lifted(transaction: WriteTransaction, before: ConsentRow, epoch: int, at_ms: int) -> None:
    """Records that a new grant by the person ended a restriction, inside the transaction of the grant.

    Args:
        transaction: of the decision.
        before: the restricted consent.
        epoch: of the new grant.
        at_ms: when.

    Source: GDPR 18(2): restricted data is used with the person's consent.
    """
    _record(transaction, before, "resume", epoch, "consent", None, at_ms)


def _consents(transaction: WriteTransaction, site: str, key_id: int) -> list[ConsentRow]:
    rows = [row for row in transaction.consents_of_key(key_id) if row.site == site]
    if not rows:
        raise NotFoundError("this person has no consent at this site, so nothing of theirs is used")
    return rows


def _waiting(transaction: WriteTransaction, stream: str, site: str, key_id: int) -> int | None:
    """The last event about a person that is still to be acknowledged, also when somebody else began it."""
    table, subs = stream_events, {row.sub for row in transaction.consents_of_key(key_id)}
    query = sa.select(sa.func.max(table.c.sequence).label("last"))
    mine = query.where(table.c.stream == stream, table.c.site == site, table.c.sub.in_(subs))
    last: int | None = transaction.execute(mine)[0]["last"]
    return last


def _record(
    transaction: WriteTransaction,
    consent: ConsentRow,
    stream: Literal["suspend", "resume"],
    epoch: int,
    by: str,
    request_id: str | None,
    at_ms: int,
    slot: StatusSlot | None = None,
) -> None:
    body: dict[str, Any] = {"epoch": epoch, "request": request_id, "by": by}
    if slot is not None:  # no decision tells of it
        body["status"] = [slot.list_id, slot.index]
    key_id = consent.key_id  # the entry tells of one person, and is erased with them
    record_entry(transaction, kind=_ENTRIES[stream], site=consent.site, body=body, at_ms=at_ms, key_id=key_id)
    append_stream(
        transaction,
        kind=stream,
        site=consent.site,
        sub=consent.sub,
        epoch=epoch,
        at_ms=at_ms,
        request_id=request_id,
    )

"""Legal holds: what a court or an authority may still ask for is neither erased nor disposed of (S18)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import InvalidInputError, NotFoundError, OnHoldError
from cookiegate.ledger.entries import record_entry
from cookiegate.ledger.ids import new_id
from cookiegate.storage.contract import Read, Record, Storage, WriteTransaction
from cookiegate.storage.tables_retention import holds

#: Why a hold stands; a refused deletion is answered with it. Source: GDPR 17(3)(e), 17(3)(b).
HoldGround = Literal["legal_claims", "legal_obligation"]
GROUNDS: tuple[HoldGround, ...] = get_args(HoldGround)
TEXT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold. Without ``key_id`` it covers the whole site; without ``until_ms`` it stands until it is released.

    ``reason`` names the matter, such as a docket number, never a person: it stays readable in the ledger.
    """

    id: str
    site: str
    key_id: int | None
    ground: HoldGround
    reason: str
    placed_by: str
    placed_at_ms: int
    until_ms: int | None = None
    released_at_ms: int | None = None

    def stands(self, now_ms: int) -> bool:
        """Whether it keeps anything now."""
        return self.released_at_ms is None and (self.until_ms is None or now_ms < self.until_ms)

    def facts(self) -> dict[str, Any]:
        """What the ledger says of it."""
        return {
            "hold": self.id,
            "scope": "site" if self.key_id is None else "subject",
            "key": self.key_id,
            "ground": self.ground,
            "reason": self.reason,
            "until": None if self.until_ms is None else rfc3339(self.until_ms),
        }


class Holds:
    """Places and releases holds.

    Args:
        storage: the record.
        clock: dates them.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def place(
        self,
        site: str,
        *,
        reason: str,
        by: str,
        key_id: int | None = None,
        ground: HoldGround = "legal_claims",
        until_ms: int | None = None,
    ) -> Hold:
        """Stops erasure and disposal from now on, with a ledger entry.

        Args:
            site: whose records.
            reason: the matter, at most 500 characters, without names of persons.
            by: who places it.
            key_id: of one subject; None holds everything of the site.
            ground: coded, for whoever is refused a deletion.
            until_ms: when it ends by itself.

        Raises:
            InvalidInputError: a text is missing or too long, or the end has passed.
            NotFoundError: there is nothing under the key, or it was erased already.
        """
        now_ms = self._clock.now_ms()
        _check(reason, by, until_ms, now_ms)
        hold = Hold(new_id(now_ms), site, key_id, ground, reason.strip(), by.strip(), now_ms, until_ms)
        self._storage.write(lambda transaction: _place(transaction, hold))
        return hold

    def release(self, hold_id: str, *, by: str) -> Hold:
        """Ends a hold, with a ledger entry; what became due meanwhile goes with the next purge.

        Raises:
            NotFoundError: no hold with this id stands.
        """
        now_ms = self._clock.now_ms()
        return self._storage.write(lambda transaction: _release(transaction, hold_id, by, now_ms))

    def list(self, site: str | None = None, *, standing: bool = True) -> list[Hold]:
        """The holds of a site or of all, oldest first; only those that stand, unless told otherwise."""
        query = sa.select(holds).order_by(holds.c.id)
        found = self._storage.read(query if site is None else query.where(holds.c.site == site))
        now_ms = self._clock.now_ms()
        return [hold for hold in map(_hold, found) if not standing or hold.stands(now_ms)]

    def held_sites(self) -> frozenset[str]:
        """The sites of which nothing may go now."""
        return frozenset(hold.site for hold in self.list() if hold.key_id is None)


def refuse_held(read: Read, site: str, key_id: int, now_ms: int) -> None:
    """Stops an erasure that a hold covers.

    Args:
        read: of the transaction that is to erase.
        site, key_id: of the subject.
        now_ms: the time.

    Raises:
        OnHoldError: with ``hold`` and ``ground``.
    """
    of_key = sa.or_(holds.c.key_id.is_(None), holds.c.key_id == key_id)
    for row in read(sa.select(holds).where(holds.c.site == site, of_key, _standing(now_ms)).order_by(holds.c.id)):
        hold = _hold(row)
        raise OnHoldError("a legal hold keeps this; it cannot be erased now", hold=hold.id, ground=hold.ground)


def held_keys(read: Read, key_ids: Iterable[int], now_ms: int) -> set[int]:
    """Those of some subjects that a hold of their own keeps."""
    query = sa.select(holds.c.key_id).where(holds.c.key_id.in_(list(key_ids)), _standing(now_ms))
    return {int(row["key_id"]) for row in read(query)}


def is_site_held(read: Read, site: str, now_ms: int) -> bool:
    """Whether everything of a site is kept."""
    query = sa.select(holds.c.id).where(holds.c.site == site, holds.c.key_id.is_(None), _standing(now_ms))
    return bool(read(query.limit(1)))


def _standing(now_ms: int) -> sa.ColumnElement[bool]:
    ends_later = sa.or_(holds.c.until_ms.is_(None), holds.c.until_ms > now_ms)
    return sa.and_(holds.c.released_at_ms.is_(None), ends_later)


def _check(reason: str, by: str, until_ms: int | None, now_ms: int) -> None:
    faults = {
        name: [f"must be a text of 1 to {TEXT_LIMIT} characters"]
        for name, text in (("reason", reason), ("by", by))
        if not 1 <= len(text.strip()) <= TEXT_LIMIT
    }
    if until_ms is not None and until_ms <= now_ms:
        faults["until"] = ["must be later than now"]
    if faults:
        raise InvalidInputError("; ".join(f"{name} {words[0]}" for name, words in faults.items()), errors=faults)


def _place(transaction: WriteTransaction, hold: Hold) -> None:
    if hold.key_id is not None:
        kept = [row for row in transaction.decisions_of_key(hold.key_id) if row.site == hold.site and not row.is_erased]
        if not kept:
            raise NotFoundError("nothing of this person is kept at this site any more, so there is nothing to hold")
    values = {column.name: getattr(hold, column.name) for column in holds.c}
    transaction.execute(sa.insert(holds).values(**values))
    body = {**hold.facts(), "by": hold.placed_by}
    record_entry(transaction, kind="hold", site=hold.site, body=body, at_ms=hold.placed_at_ms)


def _release(transaction: WriteTransaction, hold_id: str, by: str, now_ms: int) -> Hold:
    mine = (holds.c.id == hold_id, holds.c.released_at_ms.is_(None))
    found = transaction.execute(sa.select(holds).where(*mine))
    if not found:
        raise NotFoundError("no hold with this id stands")
    hold = replace(_hold(found[0]), released_at_ms=now_ms)
    transaction.execute(sa.update(holds).where(*mine).values(released_at_ms=now_ms))
    body = {"hold": hold.id, "key": hold.key_id, "by": by}
    record_entry(transaction, kind="hold_released", site=hold.site, body=body, at_ms=now_ms)
    return hold


def _hold(row: Record) -> Hold:
    return Hold(**row)

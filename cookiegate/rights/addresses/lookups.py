"""Break-glass look-ups of addresses: a reason, a second person, a time limit, and an entry in the ledger for each step.

Source: S1 of the founding policies: an address identifies someone only to protect the site or its customers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import InvalidInputError, LookupStateError
from cookiegate.ledger.entries import record_entry
from cookiegate.rights.addresses.evidence import IpEvidence, Sighting
from cookiegate.rights.addresses.officers import Officer
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_ip_evidence import ip_lookups

REASON_MIN_CHARS = 10
REASON_MAX_CHARS = 500
OPEN_MAX_S = 4 * 3600
RANGE_MAX_MS = 31 * 86_400_000
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
Step = Literal["requested", "approved", "used"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """One look-up. ``address`` is None for all addresses of the time; ``used`` counts how often it was shown."""

    id: str
    site: str
    from_ms: int
    to_ms: int
    address: str | None
    reason: str
    asked_by: str
    asked_at_ms: int
    approved_by: str | None
    open_until_ms: int | None
    used: int

    def state(self, now_ms: int) -> Literal["waiting", "open", "closed"]:
        """Whether it waits for the second person, may be used, or may no more."""
        if self.open_until_ms is None:
            return "waiting"
        return "open" if now_ms < self.open_until_ms else "closed"


class IpLookups:
    """The look-ups of one record.

    Args:
        storage: the record.
        evidence: the addresses.
        clock: the time limits'.
    """

    def __init__(self, storage: Storage, evidence: IpEvidence, clock: Clock) -> None:
        self._storage = storage
        self._evidence = evidence
        self._clock = clock

    def ask(
        self, officer: Officer, site: str, from_ms: int, to_ms: int, reason: str, address: str | None = None
    ) -> Lookup:
        """Asks for a look-up; nothing is shown yet.

        Args:
            officer: authenticated for the role ``look-up``.
            site: whose visitors.
            from_ms, to_ms: the time, at most 31 days.
            reason: 10 to 500 characters; it goes into the ledger as it stands, so it names no visitor.
            address: one address; None for all of that time.

        Raises:
            InvalidInputError: the time or the reason does not do.
        """
        if not 0 <= from_ms < to_ms or to_ms - from_ms > RANGE_MAX_MS:
            raise InvalidInputError("a look-up covers from a moment up to 31 days", errors={"to": ["out of range"]})
        text = " ".join(reason.split())
        if not REASON_MIN_CHARS <= len(text) <= REASON_MAX_CHARS:
            raise InvalidInputError(
                f"say why, in {REASON_MIN_CHARS} to {REASON_MAX_CHARS} characters", errors={"reason": ["length"]}
            )
        lookup = Lookup(
            _new_id(), site, from_ms, to_ms, address, text, officer.name, self._clock.now_ms(), None, None, 0
        )
        self._storage.write(lambda transaction: self._add(transaction, lookup))
        return lookup

    def approve(self, officer: Officer, lookup_id: str, open_s: int) -> Lookup:
        """Allows a look-up for a limited time.

        Args:
            officer: authenticated for the role ``approve``; not the one who asked.
            lookup_id: of the look-up.
            open_s: seconds for which it may be used, at most four hours.

        Raises:
            InvalidInputError: there is no such look-up, or the time is out of range.
            LookupStateError: it was approved before, or by the person who asked.
        """
        if not 0 < open_s <= OPEN_MAX_S:
            raise InvalidInputError("a look-up is open for at most four hours", errors={"for": ["out of range"]})
        return self._storage.write(lambda transaction: self._approve(transaction, officer, lookup_id, open_s))

    def use(self, officer: Officer, lookup_id: str) -> list[Sighting]:
        """Shows what was seen. That it was shown is in the ledger before anything is given out.

        Args:
            officer: who asked, authenticated again.
            lookup_id: of an approved look-up whose time has not run out.

        Raises:
            InvalidInputError: there is no such look-up.
            LookupStateError: not approved, too late, or asked for by someone else.
        """
        lookup = self._storage.write(lambda transaction: self._use(transaction, officer, lookup_id))
        return list(self._evidence.sightings(lookup.site, lookup.from_ms, lookup.to_ms, lookup.address))

    def every(self) -> list[Lookup]:
        """Every look-up, newest first; addresses of disposed ones are None."""
        rows = self._storage.read(sa.select(ip_lookups).order_by(ip_lookups.c.asked_at_ms.desc(), ip_lookups.c.id))
        return [self._lookup(row) for row in rows]

    def _add(self, transaction: WriteTransaction, lookup: Lookup) -> None:
        key_id = self._storage.vault.new_key()
        address = lookup.address and self._storage.vault.encrypt(key_id, _context(lookup.id), lookup.address.encode())
        values = {"id": lookup.id, "site": lookup.site, "from_ms": lookup.from_ms, "to_ms": lookup.to_ms}
        values |= {"reason": lookup.reason, "asked_by": lookup.asked_by, "asked_at_ms": lookup.asked_at_ms}
        transaction.execute(sa.insert(ip_lookups).values(**values, key_id=key_id, address=address, used=0))
        self._record(transaction, lookup, "requested", {"by": lookup.asked_by, "reason": lookup.reason})

    def _approve(self, transaction: WriteTransaction, officer: Officer, lookup_id: str, open_s: int) -> Lookup:
        lookup = self._find(transaction, lookup_id)
        if lookup.approved_by is not None:
            raise LookupStateError(f"{lookup_id} was approved by {lookup.approved_by}; ask for a new one")
        if lookup.asked_by == officer.name:
            raise LookupStateError("a look-up is approved by a second person, not by the one who asked")
        now_ms = self._clock.now_ms()
        until_ms = now_ms + open_s * 1000
        change = {"approved_by": officer.name, "approved_at_ms": now_ms, "open_until_ms": until_ms}
        transaction.execute(sa.update(ip_lookups).where(ip_lookups.c.id == lookup_id).values(**change))
        self._record(transaction, lookup, "approved", {"by": officer.name, "open_until": rfc3339(until_ms)})
        return self._find(transaction, lookup_id)

    def _use(self, transaction: WriteTransaction, officer: Officer, lookup_id: str) -> Lookup:
        lookup = self._find(transaction, lookup_id)
        if lookup.asked_by != officer.name:
            raise LookupStateError(f"{lookup_id} was asked for by {lookup.asked_by}; ask for one of your own")
        if lookup.open_until_ms is None:
            raise LookupStateError(f"{lookup_id} waits for a second person: cookiegate ip approve {lookup_id}")
        if self._clock.now_ms() >= lookup.open_until_ms:
            raise LookupStateError(f"{lookup_id} closed at {rfc3339(lookup.open_until_ms)}; ask again")
        used = ip_lookups.c.used
        transaction.execute(sa.update(ip_lookups).where(ip_lookups.c.id == lookup_id).values(used=used + 1))
        self._record(transaction, lookup, "used", {"by": officer.name})
        return lookup

    def _record(self, transaction: WriteTransaction, lookup: Lookup, step: Step, facts: Mapping[str, Any]) -> None:
        # The address itself stays out: an entry of the ledger is kept for good.
        body = {"lookup": lookup.id, "step": step, "from": rfc3339(lookup.from_ms), "to": rfc3339(lookup.to_ms)}
        body["scope"] = "one address" if lookup.address else "all addresses"
        record_entry(
            transaction, kind="break_glass", site=lookup.site, body={**body, **facts}, at_ms=self._clock.now_ms()
        )

    def _find(self, transaction: WriteTransaction, lookup_id: str) -> Lookup:
        rows = transaction.execute(sa.select(ip_lookups).where(ip_lookups.c.id == lookup_id))
        if not rows:
            raise InvalidInputError(
                f"there is no look-up {lookup_id}; see cookiegate ip list", errors={"id": ["unknown"]}
            )
        return self._lookup(rows[0])

    def _lookup(self, row: Record) -> Lookup:
        names = ("id", "site", "from_ms", "to_ms", "reason", "asked_by", "asked_at_ms", "approved_by", "open_until_ms")
        sealed = row["address"]
        plain = sealed and self._storage.vault.decrypt(row["key_id"], _context(row["id"]), sealed)
        return Lookup(
            **{name: row[name] for name in names}, used=row["used"], address=plain.decode() if plain else None
        )


def _context(lookup_id: str) -> str:
    return f"ip_lookup:{lookup_id}"


def _new_id() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"L-{letters[:4]}-{letters[4:]}"

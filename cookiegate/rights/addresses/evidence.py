"""Addresses as evidence: kept for the protection of a site, sealed by the day, joined to nothing (S1).

Off unless a policy says for how many days. What is kept is: this minute, from this address, so many requests of this
kind with this outcome. No decision, subject or handle is beside it; a look-up needs two officers (``ip_lookups.py``).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.ledger.entries import record_entry
from cookiegate.ledger.ids import new_id
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables_ip_evidence import ip_evidence, ip_evidence_days

DAY_MS = 86_400_000
MINUTE_MS = 60_000
#: Different (minute, act, address) that wait in memory; what comes beyond is counted, not kept.
WAITING_MAX = 10_000
_Seen = tuple[str, int, str, int, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an address did within a minute. ``act`` is a route, ``status`` the HTTP status it was answered with."""

    site: str
    minute_ms: int
    act: str
    status: int
    count: int
    address: str


class IpEvidence:
    """Takes sightings, and disposes of them by the day.

    Args:
        storage: the record.
        clock: the time of what is seen.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._mutex = threading.Lock()
        self._waiting: Counter[_Seen] = Counter()
        self.missed = 0

    def note(self, site: str, address: str, act: str, status: int) -> None:
        """Notes a request; it is written with the next :meth:`flush`, so that no visitor waits for it."""
        minute_ms = self._clock.now_ms() // MINUTE_MS * MINUTE_MS
        seen = (site, minute_ms, act, status, address)
        with self._mutex:
            if seen in self._waiting or len(self._waiting) < WAITING_MAX:
                self._waiting[seen] += 1
            else:
                self.missed += 1

    def flush(self) -> int:
        """Writes what was noted, in one transaction.

        Returns:
            How many rows.

        Raises:
            StorageError: nothing was written; all of it goes on waiting.
        """
        with self._mutex:
            taken, self._waiting = self._waiting, Counter()
        if not taken:
            return 0
        try:
            self._storage.write(lambda transaction: self._write(transaction, taken))
        except BaseException:
            with self._mutex:
                self._waiting.update(taken)
            raise
        return len(taken)

    def due(self, site: str, kept_days: int) -> list[int]:
        """The days (since 1970) of a site whose addresses are to go.

        Args:
            site: whose.
            kept_days: how long its policy keeps them; 0 keeps none.
        """
        first_kept = self._clock.now_ms() // DAY_MS - kept_days + (0 if kept_days else 1)
        query = sa.select(ip_evidence_days.c.day).where(
            ip_evidence_days.c.site == site, ip_evidence_days.c.day < first_kept
        )
        return [row["day"] for row in self._storage.read(query.order_by(ip_evidence_days.c.day))]

    def dispose(self, site: str, day: int, *, by: str) -> int:
        """Destroys a day's addresses for good, with a ledger entry that says so.

        Args:
            site, day: as :meth:`due` gives them.
            by: who or what did it, for the ledger.

        Returns:
            How many rows went.
        """
        count = self._storage.write(lambda transaction: self._dispose(transaction, site, day, by))
        self._storage.shred()
        return count

    def sightings(self, site: str, from_ms: int, to_ms: int, address: str | None = None) -> Iterator[Sighting]:
        """What was seen in a time, of one address or of all; only ``ip_lookups`` may ask."""
        table = ip_evidence
        query = sa.select(table).where(table.c.site == site, table.c.day >= from_ms // DAY_MS)
        query = query.where(table.c.day <= to_ms // DAY_MS, table.c.minute_ms >= from_ms // MINUTE_MS * MINUTE_MS)
        for row in self._storage.read(query.where(table.c.minute_ms < to_ms).order_by(table.c.minute_ms, table.c.id)):
            plain = self._storage.vault.decrypt(row["key_id"], _context(row["id"]), row["sealed"])
            if plain is not None and address in (None, plain.decode()):
                yield Sighting(site, row["minute_ms"], row["act"], row["status"], row["count"], plain.decode())

    def _write(self, transaction: WriteTransaction, taken: Counter[_Seen]) -> None:
        now_ms, vault = self._clock.now_ms(), self._storage.vault
        for (site, minute_ms, act, status, address), count in taken.items():
            row_id, day = new_id(now_ms), minute_ms // DAY_MS
            key_id = self._day_key(transaction, site, day)
            values = {"id": row_id, "site": site, "day": day, "minute_ms": minute_ms, "act": act, "status": status}
            sealed = vault.encrypt(key_id, _context(row_id), address.encode())
            transaction.execute(sa.insert(ip_evidence).values(**values, count=count, key_id=key_id, sealed=sealed))

    def _day_key(self, transaction: WriteTransaction, site: str, day: int) -> int:
        table = ip_evidence_days
        found = transaction.execute(sa.select(table.c.key_id).where(table.c.site == site, table.c.day == day))
        if found:
            return int(found[0]["key_id"])
        key_id = self._storage.vault.new_key()
        transaction.execute(sa.insert(table).values(site=site, day=day, key_id=key_id))
        return key_id

    def _dispose(self, transaction: WriteTransaction, site: str, day: int, by: str) -> int:
        days, rows = ip_evidence_days, ip_evidence
        found = transaction.execute(sa.select(days.c.key_id).where(days.c.site == site, days.c.day == day))
        if not found:
            return 0
        key_id = int(found[0]["key_id"])
        where = (rows.c.site == site, rows.c.day == day)
        gone = transaction.execute(sa.delete(rows).where(*where).returning(rows.c.id))
        transaction.execute(sa.delete(days).where(days.c.site == site, days.c.day == day))
        body = {"record_type": "ip_evidence", "count": len(gone), "rule": "ip_evidence_days", "by": by}
        record_entry(
            transaction,
            kind="disposal",
            site=site,
            body={**body, "erased_keys": [key_id]},
            at_ms=self._clock.now_ms(),
        )
        transaction.erase_key(key_id)
        return len(gone)


def _context(row_id: str) -> str:
    return f"ip_evidence:{row_id}"

"""Records of provision to third parties: who got what about whom, when, and on what ground.

One record covers everything that goes to one recipient in a day (UTC) for one purpose under one grant. It is durable
before the first event of that day goes on, and the events after it cost nothing. It outlives the person's erasure,
because the law asks for three years, so it is encrypted under a key of its own and found by a keyed hash alone.

Source: APPI, articles 29, 30 and 33, paragraph 5; its enforcement rules, articles 19 to 21.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339
from cookiegate.ledger.entries import record_entry
from cookiegate.ledger.hashing import canonical
from cookiegate.ledger.ids import new_id
from cookiegate.policy.document import Providing
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.publishing import read_row
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_provisions import provisions
from cookiegate.tokens.claims import Claims

DAY_MS = 86_400_000
#: Grants whose record of today is known to be durable.
KNOWN_LIMIT = 50_000


class Provision(msgspec.Struct, frozen=True, kw_only=True):
    """One record, as the person may have it disclosed.

    Args:
        id: UUIDv7.
        sub: the person's pseudonym at the site.
        recipient: key in the policy; None for one outside it.
        recipient_name: by locale; under ``und`` for one outside the policy.
        items: what was provided: acquisition categories, or words for what else it was.
        ground: ``consent``, or the code of a legal exception.
        policy_version, epoch: of the consent; None without one.
        provided_at: RFC 3339; the first time where a record covers several.
        reason, by, decision: why an exception was used, by whom, and the decision that names the person.
    """

    id: str
    site: str
    sub: str
    recipient: str | None
    recipient_name: dict[str, str]
    recipient_kind: str
    country: str
    transfer: str | None
    purpose: str | None
    items: tuple[str, ...]
    ground: str
    policy_version: int | None
    epoch: int | None
    provided_at: str
    reason: str | None = None
    by: str | None = None
    decision: str | None = None

    @property
    def is_exceptional(self) -> bool:
        """Whether the person was not asked."""
        return self.ground in LEGAL_EXCEPTIONS


@dataclass(frozen=True, slots=True)
class DueProvision:
    """A record whose time is over. ``person`` is :meth:`Provisions.person` of whom it is about."""

    id: str
    site: str
    person: bytes


class Provisions:
    """Writes, finds and disposes of the records. Safe for threads.

    Args:
        storage: the record.
        secret: for the keyed hashes; the same for every process on the record.
        clock: dates the records.
    """

    def __init__(self, storage: Storage, secret: bytes, clock: Clock) -> None:
        self._storage = storage
        self._secret = secret
        self._clock = clock
        self._day = 0
        self._known: set[tuple[object, ...]] = set()

    def note(self, providing: Providing, claims: Claims, items: Sequence[str]) -> None:
        """Records that data goes to a recipient now, and returns when that is durable.

        Args:
            providing: what for, to whom, on what ground; nothing is recorded of trustees and joint users.
            claims: of the person's token.
            items: the categories that go.

        Raises:
            StorageError: nothing was recorded, so nothing may go.
        """
        if not providing.is_recorded:
            return
        now_ms = self._clock.now_ms()
        self._turn_day(now_ms // DAY_MS)
        lump = (now_ms // DAY_MS, providing.purpose.key, providing.recipient.key, providing.ground, claims.aud,
                claims.sub, claims.pv, claims.ep, *items)  # fmt: skip
        if lump in self._known:
            return
        digest = self._hash("lump", *map(str, lump))
        if not self._storage.read(sa.select(provisions.c.id).where(provisions.c.lump == digest)):
            self._add(_of_token(providing, claims, items, now_ms), digest, now_ms)
        if len(self._known) >= KNOWN_LIMIT:
            self._known.clear()
        self._known.add(lump)

    def add(self, provision: Provision, at_ms: int) -> None:
        """Records one provision that was made by hand, and returns when that is durable.

        Raises:
            StorageError: nothing was recorded.
        """
        self._add(provision, self._hash("one", provision.id), at_ms)

    def of(self, site: str, sub: str) -> list[Provision]:
        """Every record about a person, oldest first, for disclosure."""
        return self._find(provisions.c.person == self.person(site, sub))

    def exceptional(self, site: str | None = None) -> list[Provision]:
        """Every record of a provision under a legal exception, oldest first."""
        used = provisions.c.exception.is_not(None)
        return self._find(used if site is None else used & (provisions.c.site == site))

    def person(self, site: str, sub: str) -> bytes:
        """What stands for a person in the table: a keyed hash, of no use to whoever has the table alone."""
        return self._hash("person", site, sub)

    def due(self, now_ms: int, limit: int = 1_000, *, site: str | None = None, after: str = "") -> list[DueProvision]:
        """At most ``limit`` records that have been kept as long as their site's policy says now, oldest first.

        Args:
            now_ms: the time.
            limit: the size of a page.
            site: only this site's.
            after: with ``site``: the last id of the page before.
        """
        table = provisions.c
        found: list[DueProvision] = []
        for name in self._storage.policies.sites() if site is None else [site]:
            row = self._storage.policies.latest(name)
            if row is not None and len(found) < limit:
                before_ms = now_ms - read_row(row).policy.retention.provision_days * DAY_MS
                query = sa.select(table.id, table.site, table.person).where(
                    table.site == name, table.provided_at_ms < before_ms, table.id > after
                )
                rows = self._storage.read(query.order_by(table.id).limit(limit - len(found)))
                found += [DueProvision(row["id"], row["site"], row["person"]) for row in rows]
        return found

    def dispose(self, transaction: WriteTransaction, ids: Sequence[str]) -> list[int]:
        """Deletes records and queues their keys for shredding.

        Returns:
            The ids of those keys.
        """
        chosen = provisions.c.id.in_(ids)
        keys = [int(row["key_id"]) for row in transaction.execute(sa.select(provisions.c.key_id).where(chosen))]
        transaction.execute(sa.delete(provisions).where(chosen))
        for key_id in keys:
            transaction.erase_key(key_id)
        return keys

    def _turn_day(self, day: int) -> None:
        if day != self._day:
            self._known = set()
            self._day = day

    def _hash(self, *parts: str) -> bytes:
        return hashlib.blake2b("\0".join(parts).encode(), key=self._secret, digest_size=32).digest()

    def _add(self, provision: Provision, lump: bytes, at_ms: int) -> None:
        vault = self._storage.vault
        key_id = vault.new_key()
        row = {
            "id": provision.id,
            "lump": lump,
            "person": self.person(provision.site, provision.sub),
            "site": provision.site,
            "exception": provision.ground if provision.is_exceptional else None,
            "key_id": key_id,
            "sealed": vault.encrypt(key_id, _context(provision.id), canonical(msgspec.to_builtins(provision))),
            "provided_at_ms": at_ms,
        }

        def work(transaction: WriteTransaction) -> None:
            if transaction.execute(sa.select(provisions.c.id).where(provisions.c.lump == lump)):
                return  # another thread or process was quicker
            transaction.execute(sa.insert(provisions).values(row))
            if provision.is_exceptional:
                _record_use(transaction, provision, at_ms)

        self._storage.write(work)

    def _find(self, where: sa.ColumnElement[bool]) -> list[Provision]:
        rows = self._storage.read(sa.select(provisions).where(where).order_by(provisions.c.id))
        return [found for row in rows if (found := self._open(row)) is not None]

    def _open(self, row: Record) -> Provision | None:
        plain = self._storage.vault.decrypt(row["key_id"], _context(row["id"]), row["sealed"])
        return None if plain is None else msgspec.json.decode(plain, type=Provision)


def _of_token(providing: Providing, claims: Claims, items: Sequence[str], now_ms: int) -> Provision:
    recipient = providing.recipient
    return Provision(
        id=new_id(now_ms),
        site=claims.aud,
        sub=claims.sub,
        recipient=recipient.key,
        recipient_name=dict(recipient.name),
        recipient_kind=recipient.kind,
        country=recipient.country,
        transfer=recipient.transfer,
        purpose=providing.purpose.key,
        items=tuple(items),
        ground=providing.ground,
        policy_version=claims.pv,
        epoch=claims.ep,
        provided_at=rfc3339(now_ms),
    )


def _record_use(transaction: WriteTransaction, provision: Provision, at_ms: int) -> None:
    """Puts the use of a legal exception into the ledger, with nothing about the person in it (S12)."""
    body = {
        "exception": provision.ground,
        "article": LEGAL_EXCEPTIONS[provision.ground],
        "recipient": provision.recipient,
        "purpose": provision.purpose,
        "provision": provision.id,
    }
    record_entry(transaction, kind="exception", site=provision.site, body=body, at_ms=at_ms)


def _context(provision_id: str) -> str:
    return f"provisions:{provision_id}"

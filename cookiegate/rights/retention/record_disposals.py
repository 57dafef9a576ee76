"""Retention of everything besides people's decisions: requests, provisions, addresses, events, and what runs out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from cookiegate.errors import NotFoundError
from cookiegate.policy.document import Policy
from cookiegate.rights.addresses.evidence import IpEvidence
from cookiegate.rights.holds import held_keys
from cookiegate.rights.provision.provisions import DueProvision, Provisions
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.retention.disposals import DAY_MS, Advance, Scope, Tally, batches, record_disposal
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables import consents
from cookiegate.storage.tables_ip_evidence import ip_evidence
from cookiegate.storage.tables_retention import holds

BATCH = 100


class RequestDisposal:
    """Requests that were closed long enough ago; one about a person under a hold stays."""

    def __init__(self, casebook: Casebook) -> None:
        self._casebook = casebook

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now."""
        return [self._tally(site, scope) for site in scope.policies]

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Removes them with their mails and documents."""
        tallies = []
        for site in scope.policies:
            tallies.append(self._tally(site, scope))
            for references in batches(self._due(site, scope)[0], BATCH):
                self._casebook.storage.write(partial(self._dispose, site, scope, references))
                self._casebook.storage.shred()
                advance(len(references))
        return tallies

    def _tally(self, site: str, scope: Scope) -> Tally:
        due, kept = self._due(site, scope)
        days = scope.policies[site].retention.request_days
        return Tally("request", site, "request_days", days, len(due), kept)

    def _due(self, site: str, scope: Scope) -> tuple[list[str], int]:
        files = [self._casebook.read(reference) for reference in self._casebook.due(scope.now_ms)]
        mine = [file for file in files if file.site == site]
        about = {file.person.subject_key_id for file in mine} - {None}
        held = held_keys(self._casebook.storage.read, [key for key in about if key is not None], scope.now_ms)
        free = [file.reference for file in mine if file.person.subject_key_id not in held]
        return free, len(mine) - len(free)

    def _dispose(self, site: str, scope: Scope, references: Collection[str], transaction: WriteTransaction) -> None:
        keys: list[int] = []
        for reference in references:
            with suppress(NotFoundError):  # another purge at the same time was quicker
                keys += self._casebook.dispose(transaction, reference)
        if not keys:
            return
        days = scope.policies[site].retention.request_days
        tally = Tally("request", site, "request_days", days, len(references))
        record_disposal(transaction, tally, keys, scope.now_ms)


class ProvisionDisposal:
    """Records of provision to third parties; those about a person under a hold or a restriction stay."""

    def __init__(self, storage: Storage, provisions: Provisions) -> None:
        self._storage = storage
        self._provisions = provisions

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now."""
        return [self._walk(site, policy, scope, None) for site, policy in scope.policies.items()]

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Removes them."""
        return [self._walk(site, policy, scope, advance) for site, policy in scope.policies.items()]

    def _walk(self, site: str, policy: Policy, scope: Scope, advance: Advance | None) -> Tally:
        held = {self._provisions.person(site, sub) for sub in kept_subjects(self._storage, site, scope.now_ms)}
        count, kept, days = 0, 0, policy.retention.provision_days
        for page in self._pages(site, scope.now_ms):
            free = [row.id for row in page if row.person not in held]
            if advance is not None and free:
                tally = Tally("provision", site, "provision_days", days, len(free))
                self._storage.write(partial(self._dispose, tally, free, scope.now_ms))
                self._storage.shred()
                advance(len(free))
            count, kept = count + len(free), kept + len(page) - len(free)
        return Tally("provision", site, "provision_days", days, count, kept)

    def _pages(self, site: str, now_ms: int) -> Iterator[list[DueProvision]]:
        after = ""
        while page := self._provisions.due(now_ms, BATCH, site=site, after=after):
            yield page
            after = page[-1].id

    def _dispose(self, tally: Tally, ids: list[str], now_ms: int, transaction: WriteTransaction) -> None:
        record_disposal(transaction, tally, self._provisions.dispose(transaction, ids), now_ms)


class AddressDisposal:
    """IP addresses that are kept as evidence, a day at once."""

    def __init__(self, storage: Storage, evidence: IpEvidence) -> None:
        self._storage = storage
        self._evidence = evidence

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now."""
        return [self._tally(site, policy, self._count(site, policy)) for site, policy in scope.policies.items()]

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Destroys each day's addresses."""
        tallies = []
        for site, policy in scope.policies.items():
            count = 0
            for day in self._evidence.due(site, policy.retention.ip_evidence_days):
                gone = self._evidence.dispose(site, day, by="retention")
                advance(gone)
                count += gone
            tallies.append(self._tally(site, policy, count))
        return tallies

    def _tally(self, site: str, policy: Policy, count: int) -> Tally:
        return Tally("ip_evidence", site, "ip_evidence_days", policy.retention.ip_evidence_days, count)

    def _count(self, site: str, policy: Policy) -> int:
        days = self._evidence.due(site, policy.retention.ip_evidence_days)
        where = (ip_evidence.c.site == site, ip_evidence.c.day.in_(days))
        found = self._storage.read(sa.select(sa.func.count().label("count")).select_from(ip_evidence).where(*where))
        return int(found[0]["count"])


@dataclass(frozen=True, slots=True)
class LeftoverDisposal:
    """Rows of the service's own that say nothing about anybody any more, such as old idempotency keys.

    Args:
        storage: the record.
        record_type: in reports.
        days: how long they are kept.
        old: true of a row that is due at a time (milliseconds since the epoch).
        table: theirs.
        forget: drops them, given the time before which they are old; returns how many.
    """

    storage: Storage
    record_type: str
    days: int
    table: sa.Table
    old: Callable[[int], sa.ColumnElement[bool]]
    forget: Callable[[int], int]

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now."""
        before_ms = scope.now_ms - self.days * DAY_MS
        query = sa.select(sa.func.count().label("count")).select_from(self.table).where(self.old(before_ms))
        return self._tallies(scope, int(self.storage.read(query)[0]["count"]) if scope.is_whole else 0)

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Drops them."""
        if not scope.is_whole:
            return []
        count = self.forget(scope.now_ms - self.days * DAY_MS)
        advance(count)
        return self._tallies(scope, count)

    def _tallies(self, scope: Scope, count: int) -> list[Tally]:
        return [Tally(self.record_type, None, "kept_days", self.days, count)] if scope.is_whole else []


def kept_subjects(storage: Storage, site: str, now_ms: int) -> list[str]:
    """The pseudonyms of a site's people under a hold of their own, or with a restriction of use."""
    query: sa.Select[Any] = sa.select(holds.c.key_id).where(holds.c.site == site, holds.c.key_id.is_not(None))
    keys = held_keys(storage.read, {int(row["key_id"]) for row in storage.read(query)}, now_ms)
    query = sa.select(consents.c.key_id).where(consents.c.site == site, consents.c.restricted)
    keys |= {int(row["key_id"]) for row in storage.read(query)}
    subs = [row.sub for key_id in sorted(keys) for row in storage.decisions_of_key(key_id)[-1:]]
    return [sub for sub in subs if sub is not None]

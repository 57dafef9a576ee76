"""Disposing of people's decisions on time: bounded transactions, each finished by destroying the keys (S17, S18)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import sqlalchemy as sa

from cookiegate.policy.document import Policy
from cookiegate.rights.holds import held_keys, is_site_held
from cookiegate.rights.retention.disposals import Advance, Scope, Tally, batches, record_disposal
from cookiegate.rights.retention.subject_rules import (
    RULES,
    Candidate,
    SubjectRule,
    candidates,
    cutoff,
    page_end,
    progress,
    restricted_keys,
    still_due,
)
from cookiegate.storage.contract import Read, Storage, WriteTransaction
from cookiegate.storage.tables_retention import retention_kept, retention_progress

#: People in one transaction, which other writers wait for.
BATCH = 200


class SubjectDisposal:
    """The record of people's decisions, by the rules of ``subject_rules``.

    Args:
        storage: the record.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def due(self, scope: Scope) -> list[Tally]:
        """Who would go now."""
        return [
            self._due(site, policy, rule, scope.now_ms) for site, policy in scope.policies.items() for rule in RULES
        ]

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Erases everyone who is due."""
        self._storage.shred()  # what a run that was cut off left
        return [
            _Walk(self._storage, site, policy, rule, scope.now_ms, advance).run()
            for site, policy in scope.policies.items()
            for rule in RULES
        ]

    def _due(self, site: str, policy: Policy, rule: SubjectRule, now_ms: int) -> Tally:
        read, count, kept = self._storage.read, 0, 0
        for page in (*self._kept_before(site, rule), *_pages(read, site, policy, rule, now_ms)):
            found = page[1]
            held = _kept(read, found, now_ms)
            count, kept = count + len(found) - len(held), kept + len(held)
        return Tally(rule.record_type, site, rule.name, rule.days(policy), count, kept)

    def _kept_before(self, site: str, rule: SubjectRule) -> Iterator[tuple[str | None, list[Candidate]]]:
        for chosen in batches(_waiting(self._storage.read, site, rule), BATCH):
            yield None, still_due(self._storage.read, rule, chosen)


class _Walk:
    """One rule of one site."""

    def __init__(
        self, storage: Storage, site: str, policy: Policy, rule: SubjectRule, now_ms: int, advance: Advance
    ) -> None:
        self._storage = storage
        self._site = site
        self._policy = policy
        self._rule = rule
        self._days = rule.days(policy)
        self._now_ms = now_ms
        self._advance = advance
        self._count = 0

    def run(self) -> Tally:
        """Goes on from where the last walk stopped, up to what is too young."""
        read, rule = self._storage.read, self._rule
        self._look_again()
        for through, found in _pages(read, self._site, self._policy, rule, self._now_ms):
            for batch in batches(found, BATCH):
                self._finish(batch, batch[-1].decision_id)
            self._storage.write(partial(self._move, through))
        kept = len(_waiting(read, self._site, rule))
        return Tally(rule.record_type, self._site, rule.name, self._days, self._count, kept)

    def _look_again(self) -> None:
        for batch in batches(_waiting(self._storage.read, self._site, self._rule), BATCH):
            free = {candidate.key_id for candidate in batch} - _kept(self._storage.read, batch, self._now_ms)
            if ready := [candidate for candidate in batch if candidate.key_id in free]:
                self._finish(ready, None)

    def _finish(self, batch: Sequence[Candidate], through: str | None) -> None:
        count = self._storage.write(lambda transaction: self._erase(transaction, batch, through))
        self._storage.shred()
        self._count += count
        self._advance(count)

    def _erase(self, transaction: WriteTransaction, batch: Sequence[Candidate], through: str | None) -> int:
        read = transaction.execute
        if is_site_held(read, self._site, self._now_ms):  # since this purge began
            return 0
        due = still_due(read, self._rule, batch)
        kept = _kept(read, due, self._now_ms)
        gone = [candidate.key_id for candidate in due if candidate.key_id not in kept]
        _forget_kept(transaction, batch)
        self._keep(transaction, [candidate for candidate in due if candidate.key_id in kept])
        if gone:
            tally = Tally(self._rule.record_type, self._site, self._rule.name, self._days, len(gone))
            record_disposal(transaction, tally, gone, self._now_ms)
        for key_id in gone:
            transaction.erase_key(key_id)
        if through is not None:
            self._move(through, transaction)
        return len(gone)

    def _keep(self, transaction: WriteTransaction, kept: list[Candidate]) -> None:
        for candidate in kept:
            values = {"key_id": candidate.key_id, "decision_id": candidate.decision_id}
            transaction.execute(sa.insert(retention_kept).values(**values, site=self._site, rule=self._rule.name))

    def _move(self, through: str, transaction: WriteTransaction) -> None:
        table, at = retention_progress, progress(transaction.execute, self._site, self._rule)
        if is_site_held(transaction.execute, self._site, self._now_ms) or at >= through:
            return
        mine = {"site": self._site, "rule": self._rule.name}
        transaction.execute(sa.delete(table).where(table.c.site == self._site, table.c.rule == self._rule.name))
        transaction.execute(sa.insert(table).values(**mine, after_id=through))


def _pages(
    read: Read, site: str, policy: Policy, rule: SubjectRule, now_ms: int
) -> Iterator[tuple[str, list[Candidate]]]:
    """The walk of a rule: the end of each page, and who is due in it."""
    after, before = progress(read, site, rule), cutoff(rule, policy, now_ms)
    while (through := page_end(read, after, before)) is not None:
        yield through, candidates(read, site, rule, after, through)
        after = through


def _kept(read: Read, found: Sequence[Candidate], now_ms: int) -> set[int]:
    key_ids = [candidate.key_id for candidate in found]
    kept: set[int] = set()
    for chosen in batches(key_ids, BATCH):
        kept |= held_keys(read, chosen, now_ms) | restricted_keys(read, chosen)
    return kept


def _waiting(read: Read, site: str, rule: SubjectRule) -> list[Candidate]:
    """People whom an earlier walk passed, because they were kept."""
    table = retention_kept
    query = sa.select(table.c.decision_id, table.c.key_id).where(table.c.site == site, table.c.rule == rule.name)
    return [Candidate(row["decision_id"], row["key_id"]) for row in read(query.order_by(table.c.key_id))]


def _forget_kept(transaction: WriteTransaction, batch: Sequence[Candidate]) -> None:
    keys = [candidate.key_id for candidate in batch]
    transaction.execute(sa.delete(retention_kept).where(retention_kept.c.key_id.in_(keys)))

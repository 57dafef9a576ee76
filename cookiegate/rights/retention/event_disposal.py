"""Retention of collected events: each purpose keeps its own data for its own time (S17)."""

from __future__ import annotations

from functools import partial

from cookiegate.policy.document import Policy, Purpose
from cookiegate.policy.publishing import read_row
from cookiegate.rights.events.files import EventFiles
from cookiegate.rights.retention.disposals import DAY_MS, Advance, Scope, Tally, record_disposal
from cookiegate.rights.retention.record_disposals import kept_subjects
from cookiegate.storage.contract import Storage, WriteTransaction


class EventDisposal:
    """The service's own files of events. Lines of people under a hold or a restriction stay."""

    def __init__(self, storage: Storage, files: EventFiles) -> None:
        self._storage = storage
        self._files = files

    def due(self, scope: Scope) -> list[Tally]:
        """What would go now."""
        return self._tallies(scope, dry_run=True)

    def dispose(self, scope: Scope, advance: Advance) -> list[Tally]:
        """Removes the days whose time is over."""
        tallies = self._tallies(scope, dry_run=False)
        for tally in tallies:
            if tally.count:
                self._storage.write(partial(_record, tally, scope.now_ms))
            advance(tally.count)
        return tallies

    def _tallies(self, scope: Scope, *, dry_run: bool) -> list[Tally]:
        found = []
        for site, policy in scope.policies.items():
            kept = kept_subjects(self._storage, site, scope.now_ms)
            for tracker in self._files.trackers(site):
                purpose = self._purpose(site, policy, tracker)
                if purpose is None:
                    continue
                before_ms = scope.now_ms - purpose.retention_days * DAY_MS
                count = self._files.dispose(site, tracker, before_ms, kept=kept, dry_run=dry_run)
                found.append(Tally("event", site, f"{tracker}:{purpose.key}", purpose.retention_days, count))
        return found

    def _purpose(self, site: str, policy: Policy, tracker: str) -> Purpose | None:
        """What a tracker collected for; as the last version said that knew it."""
        version = None
        while tracker not in policy.collectors or policy.purpose(policy.collectors[tracker].purpose) is None:
            version = self._version(site) - 1 if version is None else version - 1
            row = self._storage.policies.version(site, version) if version > 0 else None
            if row is None:
                return None
            policy = read_row(row).policy
        return policy.purpose(policy.collectors[tracker].purpose)

    def _version(self, site: str) -> int:
        row = self._storage.policies.latest(site)
        return 0 if row is None else row.version


def _record(tally: Tally, at_ms: int, transaction: WriteTransaction) -> None:
    record_disposal(transaction, tally, [], at_ms)  # events have no subject keys

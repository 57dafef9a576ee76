"""Retention: everything goes on time, unless a hold or a restriction keeps it (S17, S18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import RecordDamagedError, SiteUnknownError
from cookiegate.policy.publishing import PolicyBook
from cookiegate.rights.holds import Hold, Holds
from cookiegate.rights.retention.disposals import Advance, Disposal, Scope, Tally
from cookiegate.storage.contract import Storage

REPORT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge did, or with ``dry_run`` would do.

    ``held`` are the holds of whole sites, of which nothing was looked at.
    """

    started_at_ms: int
    ended_at_ms: int
    dry_run: bool
    tallies: tuple[Tally, ...]
    held: tuple[Hold, ...]

    @property
    def count(self) -> int:
        """How many records went, or would."""
        return sum(tally.count for tally in self.tallies)

    def by_type(self) -> dict[str, int]:
        """How many records of each type, those with none included."""
        counts = Counter[str]()
        for tally in self.tallies:
            counts[tally.record_type] += tally.count
        return dict(counts)

    def kept_by_type(self) -> dict[str, int]:
        """How many records of each type stay although their time is over."""
        counts = Counter[str]()
        for tally in self.tallies:
            counts[tally.record_type] += tally.kept
        return dict(counts)

    def shown(self) -> dict[str, Any]:
        """The report as JSON holds it; nothing in it is about a person."""
        return {
            "v": REPORT_VERSION,
            "started_at": rfc3339(self.started_at_ms),
            "ended_at": rfc3339(self.ended_at_ms),
            "dry_run": self.dry_run,
            "count": self.count,
            "rows": [asdict(tally) for tally in self.tallies if tally.count or tally.kept],
            "held_sites": [{"site": hold.site, "hold": hold.id, "ground": hold.ground} for hold in self.held],
        }


class Retention:
    """Disposes of what is due.

    Args:
        storage: the record.
        disposals: one for every type of record.
        book: the policies, which say how long.
        holds: what is kept nevertheless.
        clock: tells what is due.
        on_purged: told of every report that is not a dry run.
    """

    def __init__(
        self,
        storage: Storage,
        disposals: Sequence[Disposal],
        book: PolicyBook,
        holds: Holds,
        clock: Clock,
        on_purged: Callable[[PurgeReport], object] = lambda report: None,
    ) -> None:
        self._storage = storage
        self._disposals = disposals
        self._book = book
        self._holds = holds
        self._clock = clock
        self._on_purged = on_purged

    def due(self, site: str | None = None) -> list[Tally]:
        """What would go now, by type, site and rule.

        Raises:
            SiteUnknownError: no policy is published for ``site``.
        """
        return list(self.purge(site=site, dry_run=True).tallies)

    def purge(
        self, *, site: str | None = None, dry_run: bool = False, progress: Advance = lambda count: None
    ) -> PurgeReport:
        """Disposes of everything that is due. Cut off at any point, the next purge goes on.

        Args:
            site: of this site alone; else of every site, and what belongs to none.
            dry_run: only tell.
            progress: called after each finished piece with how many records it had.

        Raises:
            SiteUnknownError: no policy is published for ``site``.
            RecordDamagedError: a record of one type cannot be read; those of the other types were disposed of.
            StorageError: the record cannot be written now; what was finished stays finished.
        """
        started_at_ms = self._clock.now_ms()
        held = [hold for hold in self._holds.list(site) if hold.key_id is None]
        scope = self._scope(site, {hold.site for hold in held}, started_at_ms)
        tallies: list[Tally] = []
        damage: RecordDamagedError | None = None
        for disposal in self._disposals:
            try:
                tallies += disposal.due(scope) if dry_run else disposal.dispose(scope, progress)
            except RecordDamagedError as error:  # one damaged row must not keep everything else past its time
                damage = error
        report = PurgeReport(started_at_ms, self._clock.now_ms(), dry_run, tuple(tallies), tuple(held))
        if not dry_run:
            self._storage.empty_log()
            self._on_purged(report)
        if damage is not None:
            raise damage
        return report

    def _scope(self, site: str | None, held: Iterable[str], now_ms: int) -> Scope:
        known = self._book.sites()
        if site is not None and site not in known:
            raise SiteUnknownError("no policy is published for this site", site=site)
        chosen = [name for name in known if site in (None, name) and name not in set(held)]
        policies = {name: self._book.current(name).policy for name in chosen}
        return Scope(now_ms, policies, is_whole=site is None)

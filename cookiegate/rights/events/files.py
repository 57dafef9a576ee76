"""The service's own files of collected events: taking people out, setting them aside, disposing of old days."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from cookiegate.storage.event_log import EventLog, alone, day_of, discard, logs_in, sync_folder
from cookiegate.storage.event_rewriting import Place, finish_interrupted, rewrite_day

FOLDER = "collected"
DAY_MS = 86_400_000
_SUBJECT = re.compile(rb'"sub":"([A-Za-z0-9_-]+)"')


class _Stamp(msgspec.Struct):
    sub: str


class _Stamped(msgspec.Struct):
    consent: _Stamp


_read_stamp = msgspec.json.Decoder(_Stamped).decode


class EventFiles:
    """``<data-dir>/collected``: a folder a site, in it the logs of its trackers.

    Every method raises OSError when files cannot be written; then no line was lost, and a retry is safe.

    Args:
        folder: may be missing: then nothing was collected.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def erase(self, site: str, subs: Collection[str]) -> int:
        """Removes every line of these subjects, suspended ones included; returns how many."""
        return self._place(site, subs, "gone")

    def suspend(self, site: str, subs: Collection[str]) -> int:
        """Sets every line of these subjects aside: kept, not used; returns how many."""
        return self._place(site, subs, "suspended")

    def resume(self, site: str, subs: Collection[str]) -> int:
        """Puts the lines of these subjects back into use; returns how many."""
        return self._place(site, subs, "used")

    def dispose(
        self, site: str, tracker: str, before_ms: int, *, kept: Collection[str] = (), dry_run: bool = False
    ) -> int:
        """Removes the days that ended before an instant, suspended lines included.

        A day's file goes as a whole, so that a line goes at most a day after its time is over.

        Args:
            site: whose events.
            tracker: which log: one tracker collects for one purpose.
            before_ms: milliseconds since the epoch.
            kept: subjects whose lines stay, because of a legal hold.
            dry_run: count only.

        Returns:
            How many lines were (or would be) removed.
        """
        log = EventLog(self._folder / site, tracker)
        ended = [day for day in log.days() if day <= day_of(before_ms - DAY_MS)]
        rule = _AllBut(frozenset(sub.encode() for sub in kept))
        if dry_run:
            return sum(rule.count(path) for day in ended for path in (log.path(day), log.suspended_path(day)))
        return sum(_dispose_day(log, day, rule) for day in ended)

    def is_empty(self) -> bool:
        """Whether no site has any file."""
        return next(self._logs("*"), None) is None

    def trackers(self, site: str) -> list[str]:
        """The trackers of a site that have files."""
        return [log.tracker for log in logs_in(self._folder / site)]

    def _place(self, site: str, subs: Collection[str], place: Place) -> int:
        rule = _Subjects(frozenset(sub.encode() for sub in subs), place)
        return sum(rewrite_day(log, day, rule) for log in logs_in(self._folder / site) for day in log.days())

    def _logs(self, pattern: str) -> Iterator[EventLog]:
        for folder in self._folder.glob(pattern):
            yield from logs_in(folder)


class _Subjects:
    """Lines of some subjects belong to one place; others stay."""

    def __init__(self, subs: frozenset[bytes], place: Place) -> None:
        self._subs = subs
        self._place = place

    def concerns(self, block: bytes) -> bool:
        """Whether one of the subjects is named in a block."""
        return not self._subs.isdisjoint(_SUBJECT.findall(block))

    def place(self, line: bytes, here: Place) -> Place:
        """Where a line belongs."""
        return self._place if _is_of(line, self._subs) else here


class _AllBut:
    """Every line goes, but those of some subjects."""

    def __init__(self, kept: frozenset[bytes]) -> None:
        self._kept = kept

    def concerns(self, block: bytes) -> bool:
        """Every line is looked at."""
        return bool(block)

    def place(self, line: bytes, here: Place) -> Place:
        """Where a line belongs."""
        return here if self._kept and _is_of(line, self._kept) else "gone"

    def count(self, path: Path) -> int:
        """How many lines of a file would go."""
        if not path.exists():
            return 0
        with path.open("rb") as file:
            return sum(self.place(line, "used") == "gone" for line in file)

    @property
    def is_all(self) -> bool:
        """Whether nothing stays."""
        return not self._kept


def _is_of(line: bytes, subs: frozenset[bytes]) -> bool:
    """Whether a line is stamped with one of these subjects; of a damaged line that names one, it is believed."""
    if subs.isdisjoint(_SUBJECT.findall(line)):
        return False
    try:
        return _read_stamp(line).consent.sub.encode() in subs
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return True


def _dispose_day(log: EventLog, day: str, rule: _AllBut) -> int:
    if not rule.is_all:
        return rewrite_day(log, day, rule)
    with alone(log.folder):
        finish_interrupted(log, day)
        files = (log.path(day), log.suspended_path(day))
        count = sum(rule.count(path) for path in files)
        for path in files:
            discard(path)
        if not log.latest.exists():
            discard(log.latest)  # a link to what is gone
        sync_folder(log.folder)
    return count

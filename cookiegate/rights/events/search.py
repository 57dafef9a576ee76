"""Finding a person's collected events in the service's own files, without an index: pseudonyms are rare in a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from cookiegate.storage.event_log import EventLog, logs_in

BLOCK_BYTES = 1_048_576


class _Stamp(msgspec.Struct):
    sub: str


class _Stamped(msgspec.Struct):
    consent: _Stamp


_stamped = msgspec.json.Decoder(_Stamped)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One line of a log: ``line`` is its JSON, stamped with the person's pseudonym."""

    tracker: str
    day: str
    suspended: bool
    line: bytes


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of a person one tracker's log holds, and from which day to which (ISO 8601, UTC)."""

    tracker: str
    count: int
    first_day: str
    last_day: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What a bounded look into the logs found; ``complete`` tells whether it saw all of them."""

    counts: tuple[EventCount, ...]
    complete: bool


class EventSearch:
    """Searches ``<data-dir>/collected``.

    Args:
        folder: may be missing: then nothing was collected here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, site: str, sub: str) -> Iterator[FoundEvent]:
        """Every event of a person, by tracker, the oldest day first; suspended ones included. Memory: one line."""
        for log, day, path, suspended in self._files(site):
            for line in _lines_of(path, sub.encode()):
                yield FoundEvent(log.tracker, day, suspended, line)

    def overview(self, site: str, sub: str, limit_bytes: int) -> Overview:
        """How much there is.

        Args:
            site, sub: whose.
            limit_bytes: how much of the newest files is read at most.
        """
        counts: dict[str, EventCount] = {}
        for log, day, path, _suspended in sorted(self._files(site), key=lambda file: file[1], reverse=True):
            limit_bytes -= _size(path)
            if limit_bytes < 0:
                return Overview(_by_tracker(counts), complete=False)
            found = sum(1 for _ in _lines_of(path, sub.encode()))
            if found:
                seen = counts.get(log.tracker) or EventCount(log.tracker, 0, day, day)
                counts[log.tracker] = EventCount(log.tracker, seen.count + found, day, seen.last_day)
        return Overview(_by_tracker(counts), complete=True)

    def _files(self, site: str) -> Iterator[tuple[EventLog, str, Path, bool]]:
        for log in logs_in(self._folder / site):
            for day in log.days():
                yield log, day, log.path(day), False
                yield log, day, log.suspended_path(day), True


def _lines_of(path: Path, sub: bytes) -> Iterator[bytes]:
    """The lines stamped with a pseudonym. A line that is still being written, or damaged, is nobody's yet."""
    try:
        file: BinaryIO = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        rest = b""
        while block := file.read(BLOCK_BYTES):
            block = rest + block
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            yield from _lines_in(block, end, sub)


def _lines_in(block: bytes, end: int, sub: bytes) -> Iterator[bytes]:
    """The same of the whole lines up to ``end``. Lines without the pseudonym are never looked at one by one."""
    found = block.find(sub, 0, end)
    while found >= 0:
        start, stop = block.rfind(b"\n", 0, found) + 1, block.index(b"\n", found)
        line = block[start:stop]
        if _is_of(line, sub):
            yield line
        found = block.find(sub, stop, end)


def _is_of(line: bytes, sub: bytes) -> bool:
    try:
        return _stamped.decode(line).consent.sub.encode() == sub
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _by_tracker(counts: dict[str, EventCount]) -> tuple[EventCount, ...]:
    return tuple(counts[tracker] for tracker in sorted(counts))

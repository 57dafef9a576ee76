"""Collected events on disk: JSON lines, a file a tracker and day, for appending and rewriting at the same time.

``<tracker>.<day>.jsonl`` holds what was written that day (UTC), ``<tracker>.<day>.suspended.jsonl`` what of it may not
be used now, and the link ``<tracker>.jsonl`` leads to the newest day. Whoever appends holds the lock of the file and
looks whether its name still leads to it; whoever rewrites swaps a new file in under the same lock. So no line is lost,
whichever process writes it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cookiegate.clock import rfc3339

_FILE = re.compile(r"(?P<tracker>[a-z0-9_-]+)\.(?P<day>\d{4}-\d\d-\d\d)(?:\.suspended)?\.jsonl")
_TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class EventLog:
    """The files of one tracker of one site; ``folder`` is the site's."""

    folder: Path
    tracker: str

    @property
    def latest(self) -> Path:
        """The link to the newest day's file."""
        return self.folder / f"{self.tracker}.jsonl"

    def path(self, day: str) -> Path:
        """The file of a day, such as ``2026-11-21``."""
        return self.folder / f"{self.tracker}.{day}.jsonl"

    def suspended_path(self, day: str) -> Path:
        """What of a day is kept and not used."""
        return self.folder / f"{self.tracker}.{day}.suspended.jsonl"

    def days(self) -> list[str]:
        """The days that have a file, oldest first."""
        found = (_FILE.fullmatch(path.name) for path in self.folder.glob(f"{self.tracker}.*.jsonl"))
        return sorted({match["day"] for match in found if match and match["tracker"] == self.tracker})


def logs_in(folder: Path) -> list[EventLog]:
    """The logs of one site's folder."""
    found = (_FILE.fullmatch(path.name) for path in folder.glob("*.jsonl"))
    return [EventLog(folder, tracker) for tracker in sorted({match["tracker"] for match in found if match})]


def day_of(at_ms: int) -> str:
    """The day of an instant, UTC."""
    return rfc3339(at_ms)[:10]


class EventWriter:
    """Appends to one log; for one thread at a time.

    Args:
        log: where.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._file: int | None = None
        self._day = ""

    def append(self, day: str, make: Callable[[], bytes]) -> None:
        """Appends lines to a day's file and returns when they are on disk; all of them, or none.

        Args:
            day: today.
            make: gives the lines, asked when the file is locked: what a rewriting took out before cannot come after it.

        Raises:
            OSError: nothing was kept. Close the writer: after a failed sync the file is not to be trusted.
        """
        file = self._lock(day)
        try:
            if data := make():
                _write_whole(file, data)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go of the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _lock(self, day: str) -> int:
        """Today's file, locked, and surely the one that its name leads to."""
        path = self._log.path(day)
        while True:
            opened = self._file is None or self._day != day
            if opened:
                self.close()
                self._open(day)
            assert self._file is not None
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if leads_to(path, self._file):
                if opened:
                    mend(self._file)
                return self._file
            self.close()  # it was swapped for a new one, or disposed of

    def _open(self, day: str) -> None:
        folder = self._log.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _adopt(self._log)
        path = self._log.path(day)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._day = day
        _point(self._log.latest, path.name)
        sync_folder(folder)


def _adopt(log: EventLog) -> None:
    """Gives a file from before there was one a day the name of the day it was last written."""
    if log.latest.is_file() and not log.latest.is_symlink():
        log.latest.rename(log.path(day_of(log.latest.stat().st_mtime_ns // 1_000_000)))


def _point(link: Path, name: str) -> None:
    """Makes ``link`` lead to the file of this name in its folder, in one step."""
    if link.is_symlink() and str(link.readlink()) == name:
        return
    fresh = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    fresh.symlink_to(name)
    fresh.replace(link)


def _write_whole(file: int, data: bytes) -> None:
    start = os.fstat(file).st_size
    try:
        if os.write(file, data) != len(data):
            raise OSError("short write")
        os.fdatasync(file)
    except OSError:
        os.ftruncate(file, start)
        raise


def mend(file: int) -> None:
    """Cuts off a line that a crash left half-written: it was never acknowledged. Call it with the lock held."""
    size = os.fstat(file).st_size
    while size > 0:
        start = max(0, size - _TAIL_BYTES)
        newline = os.pread(file, size - start, start).rfind(b"\n")
        if newline >= 0 or start == 0:
            os.ftruncate(file, start + newline + 1)
            return
        size = start


def leads_to(path: Path, file: int) -> bool:
    """Whether a name still leads to an open file."""
    opened = os.fstat(file)
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The one rewriting of a site's files, among threads and processes."""
    file = os.open(folder / ".rewriting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def discard(path: Path) -> None:
    """Removes a file, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()

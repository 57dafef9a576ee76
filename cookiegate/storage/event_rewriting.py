"""Moving lines of collected events: out of a day's file, aside, or back, while others go on appending.

A day has two files, and one rewriting may change both. It is done as a whole or not at all: the new suspended file
waits under a name that holds the inode of the day's file as it was. Swapping the day's file is the act; whoever comes
after a crash sees by the inode whether it was done, and finishes or forgets the rest.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from cookiegate.storage.event_log import EventLog, alone, discard, mend, sync_folder

Place = Literal["used", "suspended", "gone"]
BLOCK_BYTES = 1_048_576


class Rule(Protocol):
    """Says where lines belong."""

    def concerns(self, block: bytes) -> bool:
        """Whether some of these lines might be meant; False spares looking at each."""
        ...

    def place(self, line: bytes, here: Place) -> Place:
        """Where a line belongs that is ``here`` now."""
        ...


def rewrite_day(log: EventLog, day: str, rule: Rule) -> int:
    """Puts every line of a day where the rule wants it.

    What others append meanwhile is kept, and judged too if anything is moved. Lines that a rule takes out must no
    longer be appended when this is called.

    Returns:
        How many lines were moved or removed.

    Raises:
        OSError: the files cannot be written; no line was lost, and a retry is safe.
    """
    with alone(log.folder):
        finish_interrupted(log, day)
        rewriting = _Rewriting(log.path(day), log.suspended_path(day), rule)
        return rewriting.run() if rewriting.is_needed() else 0


def finish_interrupted(log: EventLog, day: str) -> None:
    """Finishes or forgets a rewriting that a crash cut off. Call it ``alone``."""
    used, suspended = log.path(day), log.suspended_path(day)
    inode = used.stat().st_ino if used.exists() else 0
    for staged in log.folder.glob(f".{suspended.name}.*"):
        if staged.name.endswith(f".{inode}"):
            discard(staged)  # the day's file is still the old one
        else:
            _take_over(staged, suspended)
    discard(_new_name(used))


class _Rewriting:
    def __init__(self, used: Path, suspended: Path, rule: Rule) -> None:
        self._used = used
        self._suspended = suspended
        self._rule = rule
        self._moved = 0

    def is_needed(self) -> bool:
        """Whether any line is not where it belongs."""
        return self._misplaces(self._used, "used") or self._misplaces(self._suspended, "suspended")

    def _misplaces(self, path: Path, here: Place) -> bool:
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return any(self._is_misplaced(block, here) for block in _blocks(file, 0, _settled_size(file)))
        finally:
            os.close(file)

    def _is_misplaced(self, block: bytes, here: Place) -> bool:
        return self._rule.concerns(block) and any(self._rule.place(line, here) != here for line in _lines(block))

    def run(self) -> int:
        """Writes both files anew and swaps them in."""
        file = os.open(self._used, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fresh, staged = _new_name(self._used), self._staged_name(file)
            with _create(fresh) as used, _create(staged) as suspended:
                self._copy(file, used, suspended)
                fresh.replace(self._used)
                sync_folder(self._used.parent)
        finally:
            os.close(file)  # and with it the lock
        _take_over(staged, self._suspended)
        return self._moved

    def _copy(self, file: int, used: BinaryIO, suspended: BinaryIO) -> None:
        """Copies what is there while others append, then, with the lock held until the swap, what they appended."""
        targets: dict[Place, BinaryIO] = {"used": used, "suspended": suspended}
        size = _settled_size(file)
        if self._suspended.exists():
            with self._suspended.open("rb") as aside:
                self._sift(_blocks(aside.fileno(), 0, os.fstat(aside.fileno()).st_size), "suspended", targets)
        self._sift(_blocks(file, 0, size), "used", targets)
        _sync(used, suspended)
        fcntl.flock(file, fcntl.LOCK_EX)
        self._sift(_blocks(file, size, os.fstat(file).st_size), "used", targets)
        _sync(used, suspended)
        sync_folder(self._used.parent)

    def _sift(self, blocks: Iterator[bytes], here: Place, targets: Mapping[Place, BinaryIO]) -> None:
        for block in blocks:
            if not self._rule.concerns(block):
                targets[here].write(block)
                continue
            for line in _lines(block):
                place = self._rule.place(line, here)
                self._moved += place != here
                if place != "gone":
                    targets[place].write(line)

    def _staged_name(self, file: int) -> Path:
        return self._suspended.with_name(f".{self._suspended.name}.{os.fstat(file).st_ino}")


def _take_over(staged: Path, suspended: Path) -> None:
    if staged.stat().st_size:
        staged.replace(suspended)
    else:
        discard(suspended)
        discard(staged)
    sync_folder(staged.parent)


def _new_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _sync(*files: BinaryIO) -> None:
    for file in files:
        file.flush()
        os.fsync(file.fileno())


def _settled_size(file: int) -> int:
    """How long a file is when nobody is appending: up to there it holds whole lines."""
    fcntl.flock(file, fcntl.LOCK_EX)
    mend(file)
    size = os.fstat(file).st_size
    fcntl.flock(file, fcntl.LOCK_UN)
    return size


def _blocks(file: int, start: int, end: int) -> Iterator[bytes]:
    """The lines from ``start`` to ``end``, about a megabyte at a time."""
    wanted = BLOCK_BYTES
    while start < end:
        block = os.pread(file, min(wanted, end - start), start)
        whole = block.rfind(b"\n") + 1
        if whole:
            yield block[:whole]
            start, wanted = start + whole, BLOCK_BYTES
        elif start + len(block) >= end or not block:
            return
        else:
            wanted *= 2  # a line longer than a block


def _lines(block: bytes) -> list[bytes]:
    """The lines of a block with their ends; only a newline ends one."""
    return [line + b"\n" for line in block.split(b"\n") if line]

"""Leader/follower group commit: threads that write at the same time share one fsync.

The first thread to come leads: it takes every unit of work that is waiting, runs them in one transaction, commits,
and wakes their threads. What queued up meanwhile is led by the first of those. No writer thread, no hand-over
when only one client writes.

While no transaction can begin (somebody else holds the lock, the server is gone), one thread at a time tries and waits;
all others are refused at once, so that a record that is out of reach does not take every thread with it. Nor does one
that hangs, in a sync or a commit that does not end: after two seconds without a step whoever waits goes, and while the
leader hangs nobody waits any more. What the leader has begun of theirs may still be kept. They are told so: the same
request again finds out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from cookiegate.errors import StorageError
from cookiegate.storage.patience import OUT_OF_REACH, UNKNOWN, Patience

BATCH_MAX = 128
#: How long a leader lets others join, where the last batch had company: 8 % more decisions at 64 clients, measured.
GATHER_S = 0.0007


class FollowedUp(Protocol):
    """A unit of work with something to do when it is durable, before its thread goes on.

    It is done for all units of a commit by the thread that led, one right after the other: what is the same for all of
    them is then still in the core's cache.
    """

    def follow_up(self, result: Any) -> Callable[[], object] | None:
        """Begins it, with what the unit returned; gives what is to be done last, when all units have begun."""
        ...


class BatchLostError(StorageError):
    """The shared transaction is gone, with every unit of work in it."""


class Committer(Protocol):
    """One transaction at a time on one connection, driven by whichever thread leads."""

    def begin(self) -> None:
        """Starts the shared transaction."""
        ...

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Runs one unit of work; on an exception undoes that unit alone and raises it.

        Raises:
            BatchLostError: the transaction itself failed.
        """
        ...

    def commit(self) -> None:
        """Makes everything durable."""
        ...

    def abandon(self) -> None:
        """Drops the transaction and the connection with it."""
        ...


class _Entry:
    """A unit of work on its way. ``wake`` is a lock that is released when there is news.

    ``left`` says that its thread has gone, and ``begun`` that it was run or is being run.
    """

    __slots__ = ("begun", "done", "error", "is_next", "left", "result", "wake", "work")

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.begun = False
        self.left = False
        self.is_next = False
        self.wake = threading.Lock()
        self.wake.acquire()


class GroupCommit:
    """Runs units of work in shared transactions.

    Args:
        committer: the connection's owner; only the leader touches it.
        batch_max: most units of work in one commit.
        gather_s: seconds that a leader waits for others while several write; one that writes alone never waits.
        patience: of the threads that wait for a leader.
    """

    def __init__(
        self,
        committer: Committer,
        *,
        batch_max: int = BATCH_MAX,
        gather_s: float = GATHER_S,
        patience: Patience | None = None,
    ) -> None:
        self._committer = committer
        self._patience = patience or Patience()
        self._batch_max = batch_max
        self._mutex = threading.Lock()
        self._waiting: list[_Entry] = []
        self._led = False
        self._out_of_reach = False
        self._moved_s = 0.0
        self._gather_s = gather_s
        self._had_company = False

    def write(self, work: Callable[[Any], Any]) -> Any:
        """Runs ``work`` and returns its result after the commit that holds it.

        Raises:
            StorageError: nothing was kept, or nobody knows: its commit failed, or does not end.
        """
        patience_s = self._patience.enter()
        try:
            entry = self._take_part(_Entry(work), patience_s)
            self._patience.moved()
        finally:
            self._patience.leave()
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _take_part(self, entry: _Entry, patience_s: float) -> _Entry:
        with self._mutex:
            if self._led and self._out_of_reach:
                raise StorageError(OUT_OF_REACH)
            self._waiting.append(entry)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(entry, patience_s)
        if not entry.done:
            self._lead()
        return entry

    def _wait(self, entry: _Entry, patience_s: float) -> None:
        """Returns when it is done, or is to lead the next batch."""
        left_s = patience_s
        while not entry.wake.acquire(timeout=left_s):
            left_s = self._moved_s + patience_s - time.monotonic()  # who leads may be slow, but at work
            if left_s <= 0 or patience_s < self._patience.whole_s:
                self._give_up(entry, patience_s)
                return

    def _give_up(self, entry: _Entry, patience_s: float) -> None:
        """Its thread goes, unless there is news in this very moment."""
        with self._mutex:
            if entry.done or entry.is_next:
                return
            self._out_of_reach = self._out_of_reach or patience_s >= self._patience.whole_s
            entry.left = True  # what is not begun by now never will be: the leader sets the one and reads the other
            is_begun = entry.begun
            if entry in self._waiting:
                self._waiting.remove(entry)
        raise StorageError(UNKNOWN if is_begun else OUT_OF_REACH)

    def _lead(self) -> None:
        if self._had_company and self._gather_s:
            time.sleep(self._gather_s)
        with self._mutex:
            batch = self._waiting[: self._batch_max]
            del self._waiting[: self._batch_max]
        self._had_company = len(batch) > 1
        try:
            self._commit(batch)
        finally:
            with self._mutex:
                successor = self._waiting[0] if self._waiting else None
                self._led = successor is not None
                if successor is not None:
                    successor.is_next = True
            if successor is not None:
                successor.wake.release()
            try:
                _follow_up(batch)
            finally:
                for entry in batch[1:]:  # the leader itself is always first: it queued first, or was promoted as first
                    entry.wake.release()

    def _commit(self, batch: list[_Entry]) -> None:
        try:
            self._begin(batch)
            for entry in batch:
                self._run(entry)
            self._moved_s = time.monotonic()
            self._committer.commit()
        except BaseException as error:
            self._committer.abandon()
            lost = error if isinstance(error, StorageError) else BatchLostError("the group's leader was interrupted")
            for entry in batch:
                entry.error = lost  # even its own verdict may rest on what was just lost
            if not isinstance(error, Exception):
                raise
        finally:
            for entry in batch:
                entry.done = True

    def _begin(self, batch: list[_Entry]) -> None:
        try:
            self._committer.begin()
        except StorageError:
            with self._mutex:  # who came meanwhile has waited too, and would wait as long again
                self._out_of_reach = True
                batch += self._waiting
                self._waiting.clear()
            raise
        self._out_of_reach = False
        self._moved_s = time.monotonic()

    def _run(self, entry: _Entry) -> None:
        entry.begun = True
        if entry.left:
            return
        self._moved_s = time.monotonic()
        try:
            entry.result = self._committer.run(entry.work)
        except BatchLostError:
            raise
        except Exception as error:  # the unit's own; its thread raises it
            entry.error = error


def _follow_up(batch: list[_Entry]) -> None:
    """What the units of a durable commit have to do. Whatever fails is left to the unit's own thread."""
    last = []
    for entry in batch:
        if entry.error is None and hasattr(entry.work, "follow_up") and not entry.left:
            with suppress(Exception):
                last.append(entry.work.follow_up(entry.result))
    for finish in last:
        if finish is not None:
            with suppress(Exception):
                finish()

"""JSON lines on disk, a file a site, tracker and day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cookiegate.clock import Clock
from cookiegate.gate import AcceptedRequest
from cookiegate.storage.event_log import EventLog, EventWriter, day_of
from cookiegate.storage.group_commit import BatchLostError, GroupCommit
from cookiegate.storage.patience import Patience
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.knowledge import Knowledge
from cookiegate.tokens.statuses import EpochSource

Ended = Callable[[Claims], int | None]


class FileSink:
    """Appends to ``<folder>/<site>/<tracker>.jsonl``; requests of several threads share one sync.

    Args:
        folder: of all sites.
        epochs: tells which grants ended while a request was on its way.
        knowledge: says whether ``epochs`` may have missed some that ended elsewhere.
        clock: tells the day.
        patience: of the threads that wait for the disk.
        ended_ms: tells of the grants that people ended by themselves, whose older events a policy may let pass.
    """

    def __init__(
        self,
        folder: Path,
        epochs: EpochSource,
        knowledge: Knowledge,
        clock: Clock,
        *,
        patience: Patience | None = None,
        ended_ms: Ended = lambda claims: None,
    ) -> None:
        self._folder = folder
        self._epochs = epochs
        self._knowledge = knowledge
        self._ended_ms = ended_ms
        self._clock = clock
        self._patience = patience
        self._mutex = threading.Lock()
        self._logs: dict[EventLog, GroupCommit] = {}

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Appends the lines of one stripped request and returns when they are on disk.

        Raises:
            StorageError: nothing was kept, or the disk does not say.
        """
        log = EventLog(self._folder / site, accepted.tracker)
        with self._mutex:
            group = self._logs.get(log)
            if group is None:
                group = self._logs[log] = GroupCommit(
                    _FileCommitter(log, self._may_follow, self._knowledge, self._clock), patience=self._patience
                )
        group.write(lambda add: add(accepted))

    def _may_follow(self, claims: Claims) -> bool:
        # What somebody withdrew by themselves may still have passed a gate whose policy lets older events pass.
        return claims.ep >= self._epochs.minimum(claims.sub) or self._ended_ms(claims) is not None


class _FileCommitter:
    """One log: a batch of requests is one write and one sync."""

    def __init__(self, log: EventLog, may_follow: Callable[[Claims], bool], knowledge: Knowledge, clock: Clock) -> None:
        self._writer = EventWriter(log)
        self._may_follow = may_follow
        self._knowledge = knowledge
        self._clock = clock
        self._batch: list[tuple[AcceptedRequest, bytes]] = []

    def begin(self) -> None:
        """Starts an empty batch."""
        self._batch = []

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Adds one request's lines."""
        return work(lambda accepted: self._batch.append((accepted, accepted.to_line())))

    def commit(self) -> None:
        """Writes and syncs; a batch that cannot be written whole is taken back."""
        try:
            self._writer.append(day_of(self._clock.now_ms()), self._lines)
        except OSError as error:
            raise BatchLostError(
                "the event log cannot be written now; try again", cause=type(error).__name__
            ) from error

    def _lines(self) -> bytes:
        # Asked when the file is locked: what is erased or suspended is barred before the files are searched for it, so
        # that no line of it can follow, however long this request was on its way. Where it was barred elsewhere and is
        # not known here yet, knowledge has gone stale before the files are searched (``rights/events/subscriber.py``).
        if not self._knowledge.is_fresh:
            raise BatchLostError("this node has not heard from the record for some seconds; try again")
        return b"".join(line for accepted, line in self._batch if self._may_follow(accepted.claims))

    def abandon(self) -> None:
        """Closes the file: after a failed sync the handle is not to be trusted."""
        self._writer.close()

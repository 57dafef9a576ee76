"""The service's own files follow the streams as every other subscriber does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, takewhile

import sqlalchemy as sa

from cookiegate.clock import Clock, seconds_awake_or_not
from cookiegate.errors import StorageError
from cookiegate.rights.delivery.streams import StreamEvent, StreamName, Streams, move_cursor, settle
from cookiegate.rights.delivery.subscriber_rows import OWN_FILES, Subscriber, read_subscribers
from cookiegate.rights.events.files import EventFiles
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables_deliveries import stream_events, subscribers, subscriptions

FILE_STREAMS: tuple[StreamName, ...] = ("erase", "suspend", "resume")
#: Another process may go by what it knew when an end was recorded for ``SILENCE_MAX_S`` (``tokens/knowledge.py``), on a
#: node that is cut off; after that it writes nothing. So when this is over, what was on its way has landed.
SETTLE_S = 6.0
#: Subjects whose lines are looked for in one reading of the files.
TURN_MAX = 1_000


class FileSubscriber:
    """Erases, sets aside and brings back lines of collected events, then acknowledges.

    Args:
        storage: the record.
        files: the files.
        bar: refuses a subject's lines below an epoch in this process, from now on.
        clock: dates the acknowledgements.
        settle_s: how long after it was first seen an event is acted upon.
    """

    def __init__(
        self,
        storage: Storage,
        files: EventFiles,
        bar: Callable[[str, int], None],
        clock: Clock,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._storage = storage
        self._streams = Streams(storage)
        self._files = files
        self._bar = bar
        self._clock = clock
        self._settle_s = settle_s
        self._seen: list[tuple[float, int]] = []

    def catch_up(self) -> int:
        """Does what the streams say; returns how many events were acknowledged.

        Raises:
            StorageError: the files or the record cannot be written now; what is not acknowledged is done again.
        """
        own = _own_files(self._storage)
        events = self._unheard(own) if own is not None else []
        for (site, stream), group in groupby(events, key=lambda event: (event.site, event.stream)):
            self._apply(site, stream, list(group))
        return len(events)

    def _unheard(self, own: Subscriber) -> list[StreamEvent]:
        """What has settled and is not acknowledged, in its order, up to the first that has not settled."""
        settled = self._settled()
        found = self._streams.unacknowledged(own, FILE_STREAMS, TURN_MAX)
        return list(takewhile(lambda event: event.sequence <= settled, found))

    def _settled(self) -> int:
        """The last sequence that was seen long enough ago.

        By the seconds of this process alone: an event is dated before its commit, and by the clock of another node.
        """
        now_s = seconds_awake_or_not()
        found = self._storage.read(sa.select(sa.func.max(stream_events.c.sequence).label("newest")))
        newest = int(found[0]["newest"] or 0)
        if self._seen and newest < self._seen[-1][1]:  # an earlier state of the record has taken its place
            self._seen = []
        self._seen.append((now_s, newest))
        settled = [seen for seen in self._seen if seen[0] + self._settle_s <= now_s][-1:]
        self._seen = settled + [seen for seen in self._seen if seen[0] + self._settle_s > now_s]
        return settled[0][1] if settled else 0

    def _apply(self, site: str, stream: StreamName, events: list[StreamEvent]) -> None:
        subs = {event.sub for event in events}
        try:
            if stream == "resume":
                self._files.resume(site, subs)
            else:
                for event in events:
                    self._bar(event.sub, event.epoch)
                (self._files.erase if stream == "erase" else self._files.suspend)(site, subs)
        except OSError as error:
            raise StorageError("the event files cannot be rewritten now", cause=type(error).__name__) from error
        through, now_ms = events[-1].sequence, self._clock.now_ms()

        def work(transaction: WriteTransaction) -> None:
            move_cursor(transaction, OWN_FILES, stream, through, now_ms)
            settle(transaction)

        self._storage.write(work)


def forget_own_files(storage: Storage) -> None:
    """Ends the subscription of the service's own files: events go to a collector, and no file is left."""

    def work(transaction: WriteTransaction) -> None:
        transaction.execute(sa.delete(subscribers).where(subscribers.c.name == OWN_FILES))
        transaction.execute(sa.delete(subscriptions).where(subscriptions.c.subscriber == OWN_FILES))
        settle(transaction)

    if _own_files(storage) is not None:
        storage.write(work)


def subscribe_own_files(storage: Storage, now_ms: int) -> None:
    """Lets the service's own files follow the streams, if they do not yet."""

    def work(transaction: WriteTransaction) -> None:
        row = {"name": OWN_FILES, "events": " ".join(f"consent.{stream}" for stream in FILE_STREAMS)}
        transaction.execute(
            sa.insert(subscribers).values(**row, state="active", created_at_ms=now_ms, failures=0, due_at_ms=now_ms)
        )
        for stream in FILE_STREAMS:
            move_cursor(transaction, OWN_FILES, stream, 0, now_ms)

    if _own_files(storage) is None:
        storage.write(work)


def _own_files(storage: Storage) -> Subscriber | None:
    return next((item for item in read_subscribers(storage.read) if item.name == OWN_FILES), None)

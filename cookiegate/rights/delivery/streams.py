"""Streams that tell other systems what they may no longer use: ``withdrawn``, ``erase``, ``suspend``, ``resume``.

Erasures, suspensions and resumptions are written in one order, in the transaction that does them; ``withdrawn`` is the
record's own list of revocations. A subscriber acknowledges a stream up to a sequence; what everyone has acknowledged
loses its ``sub``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from cookiegate.clock import rfc3339
from cookiegate.errors import InvalidInputError
from cookiegate.ledger.ids import new_id
from cookiegate.rights.delivery.subscriber_rows import Subscriber, read_subscribers
from cookiegate.storage.contract import Read, Record, Storage, WriteTransaction
from cookiegate.storage.tables import revocations
from cookiegate.storage.tables_deliveries import stream_events, subscriptions

StreamName = Literal["withdrawn", "erase", "suspend", "resume"]
#: In the order in which they are pushed: what ends use at once comes first.
STREAMS: tuple[StreamName, ...] = ("withdrawn", "erase", "suspend", "resume")
PAGE_MAX = 1_000
#: How long a revocation names its subject: no token of it can still be good after the first quarter of an hour.
SUBJECT_KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Grants of ``sub`` on ``site`` below ``epoch`` no longer hold, and what the stream says is to be done.

    ``id`` is never used twice, also not by a record that was restored from a backup.
    """

    sequence: int
    id: str
    stream: StreamName
    site: str
    sub: str
    epoch: int
    at_ms: int
    request_id: str | None = None

    @property
    def kind(self) -> str:
        """The kind of event that subscribers name."""
        return f"consent.{self.stream}"

    def as_dict(self) -> dict[str, Any]:
        """The event as subscribers get it."""
        shown = {name: getattr(self, name) for name in ("id", "stream", "sequence", "site", "sub", "epoch")}
        return {**shown, "at": rfc3339(self.at_ms), "request": self.request_id}


def append_stream(
    transaction: WriteTransaction,
    *,
    kind: Literal["erase", "suspend", "resume"],
    site: str,
    sub: str,
    epoch: int,
    at_ms: int,
    request_id: str | None = None,
) -> int:
    """Tells every subscriber, once the transaction that does the thing has committed.

    Args:
        transaction: of the act itself.
        kind: the stream.
        site: whose data.
        sub: whose grants.
        epoch: the least epoch of ``sub`` that still counts.
        at_ms: when, milliseconds since the epoch.
        request_id: the request that it belongs to.

    Returns:
        The sequence, for :meth:`Streams.is_acknowledged`.
    """
    row = {"id": new_id(at_ms), "stream": kind, "site": site, "sub": sub, "epoch": epoch}
    insert = sa.insert(stream_events).values(**row, at_ms=at_ms, request_id=request_id)
    found = transaction.execute(insert.returning(stream_events.c.sequence))
    settle(transaction)  # with nobody to tell, nothing need be remembered
    return int(found[0]["sequence"])


class Streams:
    """Reading and acknowledging.

    Args:
        storage: the record.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def is_acknowledged(self, sequence: int) -> bool:
        """Whether everyone who follows this event's stream and site has acknowledged it.

        A subscriber that cannot be reached still counts until it is removed: data that it holds may still be there.
        """
        table = stream_events
        found = self._storage.read(sa.select(table).where(table.c.sequence == sequence))
        if not found:
            return False
        subscribers = read_subscribers(self._storage.read)
        cursors = _cursors(self._storage.read(sa.select(subscriptions)))
        return all(
            reached >= sequence for reached in _reached(found[0]["stream"], found[0]["site"], subscribers, cursors)
        )

    def acknowledged(self, subscriber: Subscriber, stream: StreamName) -> int:
        """How far a subscriber has acknowledged a stream."""
        return _cursors(self._storage.read(sa.select(subscriptions))).get((subscriber.name, stream), 0)

    def unacknowledged(
        self, subscriber: Subscriber, streams: Iterable[StreamName], limit: int = PAGE_MAX
    ) -> list[StreamEvent]:
        """What a subscriber has not acknowledged of streams that share an order, from the oldest.

        Args:
            subscriber: streams that it does not follow are left out.
            streams: ``withdrawn`` alone, or any of the others.
            limit: how many at most.
        """
        found: list[StreamEvent] = []
        for stream in streams:
            if subscriber.follows(f"consent.{stream}", subscriber.site):
                after = self.acknowledged(subscriber, stream)
                found += self.read((stream,), after=after, limit=limit, site=subscriber.site)
        return sorted(found, key=lambda event: event.sequence)[:limit]

    def read(
        self, streams: Sequence[StreamName], *, after: int, limit: int = PAGE_MAX, site: str | None = None
    ) -> list[StreamEvent]:
        """The events of streams that share an order, from the oldest; those whose ``sub`` is gone are left out.

        Args:
            streams: ``withdrawn`` alone, or any of the others.
            after: the sequence before the first.
            limit: how many at most.
            site: only this site's.
        """
        if "withdrawn" in streams:
            return self._read_withdrawn(after, limit, site)
        table = stream_events
        query = sa.select(table).where(table.c.sequence > after, table.c.stream.in_(streams))
        query = query.where(table.c.sub.is_not(None)).order_by(table.c.sequence).limit(limit)
        found = self._storage.read(query if site is None else query.where(table.c.site == site))
        return [StreamEvent(**row) for row in found]

    def _read_withdrawn(self, after: int, limit: int, site: str | None) -> list[StreamEvent]:
        table = revocations
        through = self._storage.settled(table.c.sequence, after)
        query = sa.select(table).where(table.c.sequence > after, table.c.sequence <= through)
        query = query.where(table.c.sub.is_not(None)).order_by(table.c.sequence).limit(limit)
        found = self._storage.read(query if site is None else query.where(table.c.site == site))
        return [_withdrawn(row) for row in found]

    def acknowledge(self, subscriber: Subscriber, stream: StreamName, through: int, at_ms: int) -> int:
        """Notes that a subscriber has done what a stream said, up to a sequence; never goes back.

        Returns:
            How far it has acknowledged now.

        Raises:
            InvalidInputError: the stream does not reach that far.
        """

        def work(transaction: WriteTransaction) -> int:
            if through > newest(transaction.execute, stream):
                raise InvalidInputError("the stream does not reach that far", errors={"through": ["not yet given out"]})
            move_cursor(transaction, subscriber.name, stream, through, at_ms)
            settle(transaction)
            return _cursors(transaction.execute(sa.select(subscriptions))).get((subscriber.name, stream), 0)

        return self._storage.write(work)

    def forget_subjects(self, now_ms: int) -> int:
        """Empties ``sub`` in revocations older than a day; returns how many."""
        table = revocations
        old = (table.c.sub.is_not(None), table.c.revoked_at_ms < now_ms - SUBJECT_KEPT_MS)
        if not self._storage.read(sa.select(table.c.sequence).where(*old).limit(1)):
            return 0
        empty = sa.update(table).where(*old).values(sub=None).returning(table.c.sequence)
        return len(self._storage.write(lambda transaction: transaction.execute(empty)))


def move_cursor(transaction: WriteTransaction, name: str, stream: str, through: int, at_ms: int) -> None:
    """Moves a subscriber's acknowledgement of a stream forward."""
    table = subscriptions
    mine = (table.c.subscriber == name, table.c.stream == stream)
    if not transaction.execute(sa.select(table.c.stream).where(*mine)):
        fresh = {"subscriber": name, "stream": stream, "acknowledged": through, "acknowledged_at_ms": at_ms}
        transaction.execute(sa.insert(table).values(**fresh))
        return
    forward = sa.update(table).where(*mine, table.c.acknowledged < through)
    transaction.execute(forward.values(acknowledged=through, acknowledged_at_ms=at_ms))


def settle(transaction: WriteTransaction) -> None:
    """Empties ``sub`` in every event that everyone has acknowledged."""
    table = stream_events
    open_ones = transaction.execute(sa.select(table.c.stream, table.c.site).where(table.c.sub.is_not(None)).distinct())
    subscribers = read_subscribers(transaction.execute)
    cursors = _cursors(transaction.execute(sa.select(subscriptions)))
    for row in open_ones:
        floor = min(_reached(row["stream"], row["site"], subscribers, cursors), default=None)
        done = sa.update(table).where(table.c.stream == row["stream"], table.c.site == row["site"])
        if floor is not None:
            done = done.where(table.c.sequence <= floor)
        transaction.execute(done.where(table.c.sub.is_not(None)).values(sub=None))


def _reached(
    stream: str, site: str, subscribers: list[Subscriber], cursors: dict[tuple[str, str], int]
) -> Iterator[int]:
    """How far each one has acknowledged who follows this stream for this site."""
    for subscriber in subscribers:
        if subscriber.follows(f"consent.{stream}", site):
            yield cursors.get((subscriber.name, stream), 0)


def _cursors(rows: list[Record]) -> dict[tuple[str, str], int]:
    return {(row["subscriber"], row["stream"]): row["acknowledged"] for row in rows}


def newest(read: Read, stream: StreamName) -> int:
    """The highest sequence of a stream; 0 for an empty one."""
    table = revocations if stream == "withdrawn" else stream_events
    query = sa.select(sa.func.max(table.c.sequence).label("newest"))
    found = read(query if stream == "withdrawn" else query.where(stream_events.c.stream == stream))
    return int(found[0]["newest"] or 0)


def _withdrawn(row: Record) -> StreamEvent:
    # Sequences start again in a record that was restored; with the time the id is never used twice.
    event_id = f"{row['sequence']}-{row['revoked_at_ms']}"
    shared = {name: row[name] for name in ("sequence", "site", "sub", "epoch")}
    return StreamEvent(id=event_id, stream="withdrawn", at_ms=row["revoked_at_ms"], **shared)

"""What waits to be delivered, and for whom: for operators, who must see it before somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cookiegate.rights.delivery.streams import STREAMS, StreamName
from cookiegate.rights.delivery.subscriber_rows import Subscriber, read_subscribers
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import revocations
from cookiegate.storage.tables_deliveries import outbox, stream_events, subscriptions


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows of the outbox are in a state, and since when the oldest."""

    channel: str
    state: str
    count: int
    oldest_at_ms: int


@dataclass(frozen=True, slots=True)
class Lag:
    """What a subscriber has not acknowledged of a stream."""

    subscriber: str
    stream: StreamName
    acknowledged: int
    waiting: int
    oldest_at_ms: int | None


def read_waiting(storage: Storage) -> list[Waiting]:
    """The rows that are pending or have failed, by channel and state."""
    table = outbox
    counted = sa.func.count().label("count"), sa.func.min(table.c.created_at_ms).label("oldest_at_ms")
    query = sa.select(table.c.channel, table.c.state, *counted).where(table.c.state.in_(("pending", "failed")))
    return [Waiting(**row) for row in storage.read(query.group_by(table.c.channel, table.c.state))]


def read_lags(storage: Storage) -> list[Lag]:
    """Every subscriber's lag in every stream that it follows."""
    rows = storage.read(sa.select(subscriptions))
    reached = {(row["subscriber"], row["stream"]): row["acknowledged"] for row in rows}
    return [
        _lag(storage, subscriber, stream, reached.get((subscriber.name, stream), 0))
        for subscriber in read_subscribers(storage.read)
        for stream in STREAMS
        if subscriber.follows(f"consent.{stream}", subscriber.site)
    ]


def _lag(storage: Storage, subscriber: Subscriber, stream: StreamName, acknowledged: int) -> Lag:
    table: Any = revocations if stream == "withdrawn" else stream_events
    at_ms = table.c.revoked_at_ms if stream == "withdrawn" else table.c.at_ms
    counted = sa.func.count().label("waiting"), sa.func.min(at_ms).label("oldest_at_ms")
    query = sa.select(*counted).where(table.c.sequence > acknowledged, table.c.sub.is_not(None))
    if stream != "withdrawn":
        query = query.where(table.c.stream == stream)
    if subscriber.site is not None:
        query = query.where(table.c.site == subscriber.site)
    return Lag(subscriber=subscriber.name, stream=stream, acknowledged=acknowledged, **storage.read(query)[0])

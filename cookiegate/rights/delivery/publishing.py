"""The streams for whoever listens elsewhere: Redis Streams and Kafka topics, from the record, at least once, in order.

A destination is a subscriber of its own, with its acknowledgements in the record: while it cannot be reached nothing
is forgotten, and it goes on where it stopped. Taken by the destination is acknowledged; whoever reads there and must
have *done* something is a subscriber itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.rights.delivery.pushing import LANES
from cookiegate.rights.delivery.streams import STREAMS, StreamEvent, Streams, move_cursor, settle
from cookiegate.rights.delivery.subscriber_rows import Subscriber, read_subscribers
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.tables_deliveries import subscribers

#: Before the name of a destination; no operator's subscriber can have a colon in its name.
PUBLISHED = "published:"
TURN_MAX = 500


class Destination(Protocol):
    """Where events are published."""

    def send(self, events: Sequence[StreamEvent]) -> None:
        """Writes events, in their order; durable there when it returns.

        Raises:
            DeliveryError: not all of them, perhaps some.
        """
        ...


class StreamPublisher:
    """Publishes to one destination what it has not taken yet.

    Args:
        storage: the record.
        clock: dates what is acknowledged.
        name: of the destination.
        destination: takes events.
    """

    def __init__(self, storage: Storage, clock: Clock, name: str, destination: Destination) -> None:
        self._storage = storage
        self._clock = clock
        self._name = PUBLISHED + name
        self._destination = destination
        self._streams = Streams(storage)

    def subscribe(self) -> None:
        """Makes the destination a subscriber, if it is none: from then on what it has not taken is not forgotten."""
        now_ms = self._clock.now_ms()
        row: dict[str, Any] = {
            "name": self._name,
            "events": " ".join(f"consent.{stream}" for stream in STREAMS),
            "state": "active",
        }
        row |= {"created_at_ms": now_ms, "failures": 0, "due_at_ms": now_ms}

        def work(transaction: WriteTransaction) -> None:
            if not transaction.execute(sa.select(subscribers.c.name).where(subscribers.c.name == self._name)):
                transaction.execute(sa.insert(subscribers).values(**row))
                for stream in STREAMS:
                    move_cursor(transaction, self._name, stream, 0, now_ms)

        if self._subscriber() is None:
            self._storage.write(work)

    def publish_due(self) -> int:
        """Publishes what waits; returns how many events.

        Raises:
            DeliveryError: the destination does not take them now; they stay.
            StorageError: the record cannot be read or written now; what was taken may be published again.
        """
        subscriber = self._subscriber()
        if subscriber is None:  # removed, which is the operator's word
            return 0
        published = 0
        for lane in LANES:
            while events := self._streams.unacknowledged(subscriber, lane, TURN_MAX):
                self._destination.send(events)
                self._acknowledge(events)
                published += len(events)
        return published

    def _acknowledge(self, events: Sequence[StreamEvent]) -> None:
        through = {event.stream: event.sequence for event in events}
        now_ms = self._clock.now_ms()

        def work(transaction: WriteTransaction) -> None:
            for stream, sequence in through.items():
                move_cursor(transaction, self._name, stream, sequence, now_ms)
            settle(transaction)

        self._storage.write(work)

    def _subscriber(self) -> Subscriber | None:
        return next((item for item in read_subscribers(self._storage.read) if item.name == self._name), None)

"""Pushing streams to subscribers with an address: an answer 2xx acknowledges, anything else is tried again for ever.

Events of one subscriber go out in their order. ``withdrawn`` has an order of its own and goes first; the other three
share one, so that a resumption never overtakes its suspension.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import NotFoundError, RecordDamagedError
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.outbox_rows import CLAIM_MS, wait_s
from cookiegate.rights.delivery.streams import StreamEvent, StreamName, Streams
from cookiegate.rights.delivery.subscriber_rows import Subscriber
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.delivery.webhooks import GONE_FAULT, WebhookSender, message_body
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables_deliveries import subscribers

TURN_MAX = 20
#: What may no longer be used is told soon after a subscriber is up again.
LONGEST_WAIT_S = 600
LANES: tuple[tuple[StreamName, ...], ...] = (("withdrawn",), ("erase", "suspend", "resume"))


class StreamPusher:
    """Pushes what subscribers have not acknowledged.

    Args:
        storage: the record.
        clock: tells who is due.
        sender: sends.
    """

    def __init__(self, storage: Storage, clock: Clock, sender: WebhookSender) -> None:
        self._storage = storage
        self._clock = clock
        self._sender = sender
        self._streams = Streams(storage)
        self._subscribers = Subscribers(storage, clock)

    def push_due(self) -> int:
        """Pushes to everyone who is due; returns how many events were acknowledged."""
        now_ms = self._clock.now_ms()
        due = [item for item in self._subscribers.all() if item.url and item.state == "active"]
        return sum(self._push_to(item) for item in due if item.due_at_ms <= now_ms)

    def _push_to(self, subscriber: Subscriber) -> int:
        if not any(self._streams.unacknowledged(subscriber, lane, 1) for lane in LANES):
            return 0
        claim = self._claim(subscriber)
        if claim is None:
            return 0
        pushed, fault = 0, None
        for lane in LANES:
            try:
                keys = self._subscribers.secrets_of(subscriber.name)
                for event in self._streams.unacknowledged(subscriber, lane, TURN_MAX):
                    self._push(subscriber, keys, event)
                    pushed += 1
            except DeliveryError as error:
                fault = error.fault
                if error.blocked:
                    break
            except (NotFoundError, RecordDamagedError) as error:  # removed a moment ago, or changed from outside
                fault = error.code
                break
        self._note(subscriber, claim, fault)
        return pushed

    def _push(self, subscriber: Subscriber, keys: list[str], event: StreamEvent) -> None:
        body = message_body(event.kind, event.at_ms, event.as_dict())
        self._sender.send(subscriber.url or "", keys, f"{event.stream}_{event.id}", body)
        self._streams.acknowledge(subscriber, event.stream, event.sequence, self._clock.now_ms())

    def _claim(self, subscriber: Subscriber) -> str | None:
        table, now_ms, claim = subscribers, self._clock.now_ms(), secrets.token_hex(16)
        free = sa.or_(table.c.claimed_until_ms.is_(None), table.c.claimed_until_ms < now_ms)
        take = sa.update(table).where(table.c.name == subscriber.name, table.c.state == "active", free)
        mine = take.values(claim=claim, claimed_until_ms=now_ms + CLAIM_MS).returning(table.c.name)
        return claim if self._storage.write(lambda transaction: transaction.execute(mine)) else None

    def _note(self, subscriber: Subscriber, claim: str, fault: str | None) -> None:
        values: dict[str, Any] = {"failures": 0, "fault": None, "due_at_ms": self._clock.now_ms()}
        if fault is not None:
            wait_ms = int(min(wait_s(subscriber.failures), LONGEST_WAIT_S) * 1000)
            values = {"failures": subscriber.failures + 1, "fault": fault, "due_at_ms": self._clock.now_ms() + wait_ms}
        if fault == GONE_FAULT:
            values["state"] = "gone"
        mine = sa.update(subscribers).where(subscribers.c.name == subscriber.name, subscribers.c.claim == claim)
        change = mine.values(claim=None, claimed_until_ms=None, **values)
        self._storage.write(lambda transaction: transaction.execute(change))

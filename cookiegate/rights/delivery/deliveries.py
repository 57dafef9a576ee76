"""Delivering what is due: each row of the outbox at least once, always under the same id, so that receivers can tell.

A crash between the sending and the note of it means that the row is sent again when its claim has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cookiegate.clock import Clock
from cookiegate.errors import NotFoundError, RecordDamagedError
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.mail import MailContent, Mailer
from cookiegate.rights.delivery.outbox_rows import Channel, Outbox, OutboxRow, State
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.delivery.webhooks import GONE_FAULT, WebhookSender
from cookiegate.storage.contract import Storage

#: Rows of one turn: the next turn comes soon, and other background work is not kept waiting.
TURN_MAX = 50
_read_mail = msgspec.json.Decoder(MailContent).decode


@dataclass(slots=True)
class DeliveryReport:
    """What became of the rows that were due."""

    delivered: int = 0
    pending: int = 0
    failed: int = 0
    dropped: int = 0

    def count(self, state: State) -> None:
        """Counts one row."""
        setattr(self, state, getattr(self, state) + 1)


class Deliveries:
    """Sends mails and webhooks from the outbox.

    Args:
        storage: the record.
        clock: tells what is due.
        sender: sends webhooks.
        mailer: sends mails; None while no mail server is set: mails wait.
    """

    def __init__(self, storage: Storage, clock: Clock, sender: WebhookSender, mailer: Mailer | None) -> None:
        self._storage = storage
        self._outbox = Outbox(storage, clock)
        self._subscribers = Subscribers(storage, clock)
        self._sender = sender
        self._mailer = mailer

    def deliver_due(self) -> DeliveryReport:
        """Tries what is due now, the longest due first; a way that is found closed is left alone until the next turn.

        Raises:
            StorageError: an outcome could not be noted; what was sent is sent again later.
        """
        report = DeliveryReport()
        closed: set[str] = set()
        channels: list[Channel] = ["webhook", "mail"] if self._mailer is not None else ["webhook"]
        for _ in range(TURN_MAX):
            row = self._outbox.claim(channels, closed)
            if row is None:
                break
            report.count(self._deliver(row, closed))
        return report

    def _deliver(self, row: OutboxRow, closed: set[str]) -> State:
        try:
            state = self._send_mail(row) if row.channel == "mail" else self._send_webhook(row)
        except DeliveryError as error:
            if error.blocked:
                closed.add(row.way)
            return self._note_fault(row, error)
        except RecordDamagedError:
            self._outbox.end(row, "failed", "content_damaged")
            return "failed"
        self._outbox.end(row, state, None if state == "delivered" else "receiver_gone")
        return state

    def _note_fault(self, row: OutboxRow, error: DeliveryError) -> State:
        if error.fault == GONE_FAULT and row.subscriber is not None:
            self._subscribers.mark_gone(row.subscriber)
        if error.permanent:
            self._outbox.end(row, "failed", error.fault)
            return "failed"
        return self._outbox.postpone(row, error.fault)

    def _send_mail(self, row: OutboxRow) -> State:
        assert self._mailer is not None
        assert row.key_id is not None
        content = self._storage.vault.decrypt(row.key_id, f"outbox:{row.id}", row.content)
        if content is None:  # the person was erased: there is nobody to tell, and no address any more
            return "dropped"
        self._mailer.send(_read_mail(content), row.message_id, row.created_at_ms)
        return "delivered"

    def _send_webhook(self, row: OutboxRow) -> State:
        name = row.subscriber or ""
        try:
            keys = self._subscribers.secrets_of(name)
            url = next(item.url for item in self._subscribers.all() if item.name == name)
        except (NotFoundError, StopIteration):  # removed a moment ago
            return "dropped"
        self._sender.send(url or "", keys, row.message_id, row.content)
        return "delivered"

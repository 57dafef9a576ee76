"""A record with an outbox and streams, without a service around it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cookiegate.clock import FrozenClock, SystemClock
from cookiegate.rights.delivery.deliveries import Deliveries, DeliveryReport
from cookiegate.rights.delivery.mail import Mailer
from cookiegate.rights.delivery.outbox import enqueue_event, enqueue_mail
from cookiegate.rights.delivery.outbox_rows import Outbox, OutboxRow
from cookiegate.rights.delivery.pushing import StreamPusher
from cookiegate.rights.delivery.streams import Streams, append_stream
from cookiegate.rights.delivery.subscriber_rows import read_events
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.delivery.webhooks import WebhookSender
from cookiegate.settings import Settings, read_settings
from cookiegate.storage.opening import open_storage
from cookiegate.storage.tables_deliveries import stream_events, subscriptions
from support.mailing import MailServer
from support.templates import lay_record

SENDER = "Example Shop <privacy@example.jp>"
SUB = "s" * 22


class Post:
    """One process's view of a record; several may share a folder.

    Args:
        folder: the data folder.
        mail: the mail server; without one mails wait.
        tls: whose certificates are believed.
        own_files: whether the service's own files follow the streams.
    """

    def __init__(
        self,
        folder: Path,
        mail: MailServer | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        own_files: bool = False,
        clock: FrozenClock | None = None,
    ) -> None:
        self.clock = clock or FrozenClock(SystemClock().now_ms())  # receivers check that signatures are of today
        self.storage = open_storage(lay_record(Settings(data_dir=folder)))
        self.outbox = Outbox(self.storage, self.clock)
        self.streams = Streams(self.storage)
        self.subscribers = Subscribers(self.storage, self.clock)
        sender = WebhookSender(self.clock, timeout_s=2)
        self.deliveries = Deliveries(self.storage, self.clock, sender, make_mailer(folder, mail, tls))
        self.pusher = StreamPusher(self.storage, self.clock, sender)
        if not own_files:
            gone = (
                sa.delete(subscriptions),
                sa.delete(sa.table("subscribers", sa.column("url"))).where(sa.text("url IS NULL")),
            )
            self.storage.write(lambda transaction: [transaction.execute(statement) for statement in gone])

    def close(self) -> None:
        """Lets go of the record."""
        self.storage.close()

    def mail(self, to: str = "person@example.org", subject: str = "About your request", body: str = "Hello.") -> str:
        """Queues a mail under a key of its own."""
        return self.mail_under(self.storage.vault.new_key(), to, subject, body)

    def mail_under(self, key_id: int, to: str = "person@example.org", subject: str = "Hello", body: str = "Hi.") -> str:
        """Queues a mail under a key."""
        content = {"key_id": key_id, "to": to, "subject": subject, "body": body, "at_ms": self.clock.now_ms()}
        return self.storage.write(
            lambda transaction: enqueue_mail(transaction, self.storage.vault, about="request:1", **content)  # type: ignore[arg-type]
        )

    def event(self, kind: str = "request.received", site: str = "demo", **payload: Any) -> str:
        """Queues an event."""
        now_ms = self.clock.now_ms()
        return self.storage.write(
            lambda transaction: enqueue_event(transaction, kind=kind, site=site, payload=payload, at_ms=now_ms)
        )

    def tell(self, kind: str, sub: str = SUB, site: str = "demo", epoch: int = 2) -> int:
        """Appends to a stream."""
        now_ms = self.clock.now_ms()
        return self.storage.write(
            lambda transaction: append_stream(
                transaction,
                kind=kind,
                site=site,
                sub=sub,
                epoch=epoch,
                at_ms=now_ms,  # type: ignore[arg-type]
            )
        )

    def subscribe(self, name: str, *events: str, **options: Any) -> str:
        """Adds a subscriber; its secret."""
        return self.subscribers.add(name, read_events(events), **options)

    def deliver(self) -> DeliveryReport:
        """One turn."""
        return self.deliveries.deliver_due()

    @property
    def row(self) -> OutboxRow:
        """The only row."""
        (row,) = self.outbox.rows()
        return row

    def subs(self) -> list[str | None]:
        """The subjects that the streams still name."""
        return [row["sub"] for row in self.storage.read(sa.select(stream_events).order_by(stream_events.c.sequence))]


def make_mailer(folder: Path, mail: MailServer | None, tls: ssl.SSLContext | None) -> Mailer | None:
    """A mailer from the settings, as the service makes it, but for the certificates."""
    if mail is None:
        return None
    settings = read_settings({"COOKIEGATE_SMTP_URL": mail.url, "COOKIEGATE_MAIL_FROM": SENDER}, data_dir=folder)
    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    return Mailer(settings.smtp_url, settings.mail_from, tls)

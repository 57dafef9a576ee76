"""The outbox: what is to be told is written in the transaction that it tells of, and kept until it was delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from cookiegate.ledger.ids import new_id
from cookiegate.rights.delivery.mail import MailContent, check_address, one_line
from cookiegate.rights.delivery.subscriber_rows import CONSENT_EVENTS, read_subscribers
from cookiegate.rights.delivery.webhooks import message_body
from cookiegate.storage.contract import WriteTransaction
from cookiegate.storage.tables_deliveries import outbox
from cookiegate.storage.vault import Vault


def enqueue_mail(
    transaction: WriteTransaction,
    vault: Vault,
    *,
    key_id: int,
    to: str,
    subject: str,
    body: str,
    at_ms: int,
    about: str,
) -> str:
    """Queues a mail, which goes out once the transaction has committed.

    Args:
        transaction: of what it tells.
        vault: encrypts it.
        key_id: the key that it is encrypted under. When that is destroyed before, the mail is dropped.
        to: the receiver's address.
        subject: becomes one line.
        body: plain text.
        at_ms: now, milliseconds since the epoch.
        about: what it belongs to, such as ``request:<id>``, shown to operators; nothing personal.

    Returns:
        The id, which is also its ``Message-ID``.

    Raises:
        InvalidInputError: ``to`` is not an address.
    """
    row_id = new_id(at_ms)
    content = msgspec.json.encode(MailContent(check_address(to), one_line(subject), body))
    sealed = vault.encrypt(key_id, f"outbox:{row_id}", content)
    fresh = {"id": row_id, "message_id": row_id, "channel": "mail", "kind": "mail", "about": about, "key_id": key_id}
    _insert(transaction, fresh, sealed, at_ms)
    return row_id


def enqueue_event(
    transaction: WriteTransaction, *, kind: str, site: str, payload: Mapping[str, Any], at_ms: int
) -> str:
    """Queues a webhook for every subscriber that follows such events, once the transaction has committed.

    Args:
        transaction: of what it tells.
        kind: such as ``request.decided``. Those of :data:`CONSENT_EVENTS` come from the streams by themselves.
        site: whose event.
        payload: ids and states, nothing personal.
        at_ms: now, milliseconds since the epoch.

    Returns:
        The event's id, the ``webhook-id`` of every delivery.
    """
    if kind in CONSENT_EVENTS:
        raise ValueError(f"{kind} is told by append_stream")
    event_id = new_id(at_ms)
    body = message_body(kind, at_ms, payload)
    for subscriber in read_subscribers(transaction.execute):
        if subscriber.url is not None and subscriber.follows(kind, site):
            fresh = {"id": new_id(at_ms), "message_id": event_id, "channel": "webhook", "kind": kind, "about": kind}
            _insert(transaction, {**fresh, "site": site, "subscriber": subscriber.name}, body, at_ms)
    return event_id


def _insert(transaction: WriteTransaction, fresh: Mapping[str, Any], content: bytes, at_ms: int) -> None:
    times = {"created_at_ms": at_ms, "due_at_ms": at_ms, "attempts": 0, "state": "pending"}
    transaction.execute(sa.insert(outbox).values(**fresh, **times, content=content))

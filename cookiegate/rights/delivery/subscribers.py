"""Subscribers: systems of the operator that follow streams or get webhooks, each with a secret of its own."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import InvalidInputError, NotFoundError
from cookiegate.rights.delivery.streams import STREAMS, move_cursor, newest, settle
from cookiegate.rights.delivery.subscriber_rows import OWN_FILES, Subscriber, read_subscribers, subscriber_from
from cookiegate.rights.delivery.webhooks import GONE_FAULT, check_url, new_secret
from cookiegate.storage.contract import Record, Storage, WriteTransaction
from cookiegate.storage.tables_deliveries import outbox, subscribers, subscriptions

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
#: How long the secret before is signed with, and taken, too.
ROTATION_MS = 86_400_000


class Subscribers:
    """Adding, finding and removing subscribers.

    Args:
        storage: the record.
        clock: dates them.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def all(self) -> list[Subscriber]:
        """Every subscriber, by name."""
        return read_subscribers(self._storage.read)

    def add(self, name: str, events: tuple[str, ...], *, url: str | None = None, site: str | None = None) -> str:
        """Adds a subscriber, which is told of what happens from now on.

        Args:
            name: lower-case letters, digits and hyphens.
            events: as :func:`read_events` gives them.
            url: where webhooks go; None for one that asks for itself.
            site: only this site's events.

        Returns:
            Its secret, which cannot be shown again.

        Raises:
            InvalidInputError: the name is unusable or taken, or the address unusable, or missing where it is needed.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidInputError("a name is lower-case letters, digits and hyphens", errors={"name": ["unusable"]})
        if name == OWN_FILES:
            raise InvalidInputError(f"{name} is the name of the service's own files", errors={"name": ["taken"]})
        if url is not None:
            check_url(url)
        elif any(not kind.startswith("consent.") for kind in events):
            raise InvalidInputError(
                "only consent.* events can be asked for; others need --url", errors={"url": ["needed"]}
            )
        secret, key_id, now_ms = new_secret(), self._storage.vault.new_key(), self._clock.now_ms()
        row: dict[str, Any] = {"name": name, "site": site, "events": " ".join(events), "url": url, "state": "active"}
        row |= {"key_id": key_id, **self._sealed(name, key_id, secret)}
        row |= {"created_at_ms": now_ms, "failures": 0, "due_at_ms": now_ms}

        def work(transaction: WriteTransaction) -> None:
            if transaction.execute(sa.select(subscribers.c.name).where(subscribers.c.name == name)):
                raise InvalidInputError(f"there is a subscriber {name} already", errors={"name": ["taken"]})
            transaction.execute(sa.insert(subscribers).values(**row))
            for stream in STREAMS:
                move_cursor(transaction, name, stream, newest(transaction.execute, stream), now_ms)

        self._storage.write(work)
        return secret

    def rotate(self, name: str) -> str:
        """Gives a subscriber a new secret; the one before is good for another day.

        Returns:
            The new secret, which cannot be shown again.

        Raises:
            NotFoundError: no such subscriber.
        """
        row = self._row(name)
        if row["key_id"] is None:
            raise NotFoundError(f"{name} is a destination of the service itself and has no secret")
        secret = new_secret()
        fresh = self._sealed(name, row["key_id"], secret)
        old = {"old_secret": row["secret"], "old_secret_hash": row["secret_hash"]}
        self._change(name, **fresh, **old, old_until_ms=self._clock.now_ms() + ROTATION_MS)
        return secret

    def enable(self, name: str) -> None:
        """Sends to a subscriber again at once, whatever went wrong before.

        Raises:
            NotFoundError: no such subscriber.
        """
        self._row(name)
        self._change(name, state="active", failures=0, fault=None, due_at_ms=self._clock.now_ms())

    def mark_gone(self, name: str) -> None:
        """Sends no more to a subscriber that answered 410."""
        self._change(name, state="gone", fault=GONE_FAULT)

    def remove(self, name: str) -> None:
        """Forgets a subscriber: its secret, what waits for it, and what it has not acknowledged.

        Raises:
            NotFoundError: no such subscriber.
        """
        row = self._row(name)

        def work(transaction: WriteTransaction) -> None:
            transaction.execute(sa.delete(subscribers).where(subscribers.c.name == name))
            transaction.execute(sa.delete(subscriptions).where(subscriptions.c.subscriber == name))
            waiting = sa.update(outbox).where(outbox.c.subscriber == name, outbox.c.state.in_(("pending", "failed")))
            ended = {"state": "dropped", "fault": "subscriber_removed", "content": b""}
            transaction.execute(waiting.values(**ended, ended_at_ms=self._clock.now_ms()))
            if row["key_id"] is not None:
                transaction.erase_key(row["key_id"])
            settle(transaction)

        self._storage.write(work)
        self._storage.shred()

    def find(self, secret: str) -> Subscriber | None:
        """The subscriber with this secret, or with it as the one before."""
        # 256 random bits need no slow hash; found by it, how long this takes tells nothing about the secret.
        digest = hashlib.sha256(secret.encode()).digest()
        table = subscribers
        old = sa.and_(table.c.old_secret_hash == digest, table.c.old_until_ms > self._clock.now_ms())
        found = self._storage.read(sa.select(table).where(sa.or_(table.c.secret_hash == digest, old)))
        return subscriber_from(found[0]) if found else None

    def secrets_of(self, name: str) -> list[str]:
        """What to sign with: the secret, and during a rotation the one before."""
        row = self._row(name)
        rotating = (row["old_until_ms"] or 0) > self._clock.now_ms()
        sealed = [row["secret"], *([row["old_secret"]] if rotating else [])]
        opened = (self._storage.vault.decrypt(row["key_id"], f"subscribers:{name}", text) for text in sealed)
        return [plain.decode() for plain in opened if plain is not None]

    def _sealed(self, name: str, key_id: int, secret: str) -> dict[str, bytes]:
        sealed = self._storage.vault.encrypt(key_id, f"subscribers:{name}", secret.encode())
        return {"secret": sealed, "secret_hash": hashlib.sha256(secret.encode()).digest()}

    def _row(self, name: str) -> Record:
        found = self._storage.read(sa.select(subscribers).where(subscribers.c.name == name))
        if not found or name == OWN_FILES:
            raise NotFoundError(f"there is no subscriber {name!r}; `cookiegate subscribers list` shows them")
        return found[0]

    def _change(self, name: str, **values: Any) -> None:
        change = sa.update(subscribers).where(subscribers.c.name == name).values(**values)
        self._storage.write(lambda transaction: transaction.execute(change))

"""A record with people in it, and everything that keeps, erases and disposes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cookiegate.clock import rfc3339
from cookiegate.consent.deciding import Decided, Decider
from cookiegate.consent.grants import shown_acquire, shown_purposes
from cookiegate.ledger.hashing import canonical, leaf_hash, new_salt
from cookiegate.ledger.ids import new_id
from cookiegate.rights.delivery.streams import Streams
from cookiegate.rights.erasure import Erasure
from cookiegate.rights.events.files import FOLDER, EventFiles
from cookiegate.rights.events.subscriber import FileSubscriber
from cookiegate.rights.holds import Holds
from cookiegate.rights.provision.provisions import Provisions
from cookiegate.rights.requests.casebook import Casebook
from cookiegate.rights.requests.links import RequestLinks
from cookiegate.rights.requests.messages import Messenger
from cookiegate.rights.restriction import Restriction, record_lifted
from cookiegate.rights.retention.record_types import open_retention
from cookiegate.rights.retention.retention import Retention
from cookiegate.storage.contract import DecisionRow, StatusSlot, Storage
from cookiegate.storage.opening import open_storage
from support.ledger import LedgerBench

DAY_S = 86_400


class Keeping(LedgerBench):
    """A record in a folder; ``revoked`` lists what a service's gates would have heard."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        super().__init__(folder, database_url)
        self.revoked: list[tuple[StatusSlot, str, int]] = []
        self._wire()

    def _wire(self) -> None:
        storage, clock = self.storage, self.clock
        self._decider = Decider(storage, b"h" * 32, self._hear, clock, record_lifted)
        self.holds = Holds(storage, clock)
        self.erasure = Erasure(storage, self._hear, clock)
        self.restriction = Restriction(storage, self._hear, clock)
        self.files = EventFiles(self.folder / FOLDER)
        self.streams = Streams(storage)

    def _hear(self, slot: StatusSlot, sub: str, epoch: int) -> None:
        self.revoked.append((slot, sub, epoch))

    def retention(self, storage: Storage | None = None) -> Retention:
        """Retention over this record, or over a stand-in for it that fails somewhere."""
        used: Any = storage or self.storage
        links = RequestLinks(self.ring.secret("request"), self.settings.base_url)
        messenger = Messenger(used.vault, self.book, links, self.settings.document_days)
        return open_retention(
            self.settings,
            used,
            self.book,
            Holds(used, self.clock),
            self.clock,
            casebook=Casebook(used, self.book, messenger, self.clock),
            provisions=Provisions(used, self.ring.secret("provision"), self.clock),
        )

    def days(self, count: float) -> None:
        """Lets days pass."""
        self.clock.advance(count * DAY_S)

    def acknowledge(self) -> None:
        """Lets the service's own files do what the streams say."""
        self.clock.advance(10)
        FileSubscriber(self.storage, self.files, lambda sub, epoch: None, self.clock, settle_s=0).catch_up()

    def consent(self, decided: Decided) -> Any:
        """The consent of whoever decided."""
        return self._decider.find("demo", decided.handle)

    def is_gone(self, decided: Decided) -> bool:
        """Whether a decision's payload and key are both destroyed."""
        row = self.storage.decision(decided.row.id)
        assert row is not None
        return row.is_erased and not self.storage.vault.holds(row.key_id)

    def entries(self, kind: str) -> list[Any]:
        """The ledger entries of a kind, as maps."""
        return [json.loads(row.record) for row in self.storage.entries(kind=kind)]

    def reopen(self) -> None:
        """A new start on the same folder."""
        self.storage.close()
        self.storage = open_storage(self.settings)
        self.sealer._storage = self.storage
        self._wire()

    def fill(self, count: int, *, first_ms: int, every_ms: int = 1, per_write: int = 2_000) -> list[int]:
        """Refusals by so many people, written many at once; returns their keys.

        Args:
            count: how many.
            first_ms: when the first was taken.
            every_ms: how long after each other.
            per_write: how many share a transaction.
        """
        rows = [self._refusal(first_ms + number * every_ms) for number in range(count)]
        for start in range(0, count, per_write):
            chosen = rows[start : start + per_write]
            self.storage.write(lambda transaction, some=chosen: [transaction.append_decision(row) for row in some])  # type: ignore[misc]
        return [row.key_id for row in rows]

    def _refusal(self, at_ms: int) -> DecisionRow:
        facts = {"v": 2, "id": new_id(at_ms), "site": "demo", "sub": None, "epoch": 0, "action": "reject"}
        notice = self.book.notice("demo", "en").sha256
        published = self.book.current("demo").policy
        more = {
            "notice": notice,
            "ui": None,
            "policy_version": 1,
            "purposes": shown_purposes(published, ()),
            "acquire": shown_acquire(published, ()),
            "device": {},
            "decided_at": rfc3339(at_ms),
        }
        record, salt = canonical({**facts, **more}), new_salt()
        key_id = self.storage.vault.new_key()
        leaf = leaf_hash(salt, record)
        return DecisionRow(str(facts["id"]), "demo", key_id, None, 0, record, salt, leaf, None, at_ms)

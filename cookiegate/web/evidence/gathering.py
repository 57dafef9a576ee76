"""Gathers the evidence of one decision from the data folder alone: no network, and no running service."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec
import sqlalchemy as sa

from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import NotFoundError, NotSealedYetError, ReceiptInvalidError, RecordDamagedError
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.ledger import Ledger
from cookiegate.ledger.receipt_notices import NoticeArchive
from cookiegate.ledger.receipt_reading import Receipt
from cookiegate.ledger.receipts import ReceiptBook, sign_receipt
from cookiegate.ledger.sealing import Sealer
from cookiegate.settings import Settings
from cookiegate.storage.contract import DecisionRow, EntryRow, Storage
from cookiegate.storage.tables import entries
from cookiegate.tokens import base64url
from cookiegate.tokens.keys import KeyRing

Document = dict[str, Any]
KIND = "cookiegate-evidence"
#: Entries that tell of destroyed keys.
ERASURES = ("erasure", "disposal", "loss")


class EvidenceRoom:
    """What evidence is made of: the record, the ledger, the keys and every notice ever published.

    Args:
        settings: name the data folder and the address of the service.
        storage: the record.
        clock: dates what is written.

    Raises:
        KeyFileError: a key file is missing, garbled or open to others.
    """

    def __init__(self, settings: Settings, storage: Storage, clock: Clock) -> None:
        self.keyring = KeyRing.open(settings.data_dir, clock)
        self._signer = read_ledger_key(settings.data_dir)
        self._storage = storage
        self._clock = clock
        self._base_url = settings.base_url
        self._book = ReceiptBook(storage, settings.base_url)
        self._notices = NoticeArchive(storage)
        self._ledger = Ledger(storage)

    @property
    def ledger_name(self) -> str:
        """The ledger's origin, which it keeps when the service moves to another address."""
        return self._signer.verifier.name

    def gather(self, decision_id: str, receipt: Receipt | None = None) -> Document:
        """The evidence of one decision.

        Args:
            decision_id: which.
            receipt: the visitor's own, if it was brought: it still opens the leaf after the record was erased.

        Returns:
            The document of ``evidence.json``; ``docs/reference/evidence.md`` lists its members.

        Raises:
            NotFoundError: no such decision.
            ReceiptInvalidError: the receipt is of another record than ours of that decision.
            RecordDamagedError: what the decision names is not in the record.
        """
        row = self._storage.decision(decision_id)
        if row is None:
            raise NotFoundError("no decision with this id is in the record")
        if receipt is not None and receipt.leaf != row.leaf:
            raise ReceiptInvalidError("the receipt is of another record than the one of its decision", reason="other")
        item = self._item(row)
        if receipt is not None and row.is_erased:
            item |= {"record": receipt.record.decode(), "salt": base64url.encode(receipt.salt)}
        return {
            "v": 1,
            "kind": KIND,
            "made_at": rfc3339(self._clock.now_ms()),
            "service": self._base_url,
            **{name: value for name, value in item.items() if name != "kind"},
            "site": row.site,
            "key_id": row.key_id,
            "is_erased": row.is_erased,
            "receipt": receipt.text if receipt else self._receipt(row),
            "receipt_is_brought": receipt is not None,
            "keys": {"jwks": self.keyring.jwks(), "ledger": self._signer.verifier.vkey},
            **self._what_was_read(item["record"]),
            "history": [self._item(other) for other in self._others(row)],
            "erasure": [self._item(entry) for entry in self._erasures(row)] if row.is_erased else [],
        }

    def _receipt(self, row: DecisionRow) -> str | None:
        return None if row.is_erased else sign_receipt(self.keyring.active, self._book, row)

    def _what_was_read(self, record: str | None) -> Document:
        """Notice and surface by the digests in the record, each as the text that was hashed."""
        nothing: Document = dict.fromkeys(("published_at", "notice", "surface", "style"))
        if record is None:
            return nothing
        facts = msgspec.json.decode(record)
        version, notice = self._notices.find(facts["site"], facts["policy_version"], facts["notice"])
        published_at = rfc3339(version.published.published_at_ms)
        shown: Document = {"published_at": published_at, "notice": notice.canonical.decode()}
        if facts.get("ui") is not None:
            shown["surface"] = self._artifact(facts["ui"])
            shown["style"] = self._artifact(msgspec.json.decode(shown["surface"])["style"])
        return nothing | shown

    def _artifact(self, digest: str) -> str:
        body = self._storage.artifact(digest)
        if body is None:
            raise RecordDamagedError("what the decision says was shown is not in the record", sha256=digest)
        return body.decode()

    def _others(self, row: DecisionRow) -> list[DecisionRow | EntryRow]:
        """Everything else under the same subject key, in order of time."""
        query = sa.select(entries.c.id).where(entries.c.key_id == row.key_id)
        told = [self._storage.entry(found["id"]) for found in self._storage.read(query)]
        decided = [other for other in self._storage.decisions_of_key(row.key_id) if other.id != row.id]
        everything: list[DecisionRow | EntryRow] = [*decided, *(entry for entry in told if entry is not None)]
        return sorted(everything, key=lambda other: (_at_ms(other), other.id))

    def _erasures(self, row: DecisionRow) -> Iterable[EntryRow]:
        for kind in ERASURES:
            for entry in self._storage.entries(kind=kind):
                if entry.record and row.key_id in msgspec.json.decode(entry.record).get("erased_keys", ()):
                    yield entry

    def _item(self, row: DecisionRow | EntryRow) -> Document:
        return {
            "id": row.id,
            "kind": "decision" if isinstance(row, DecisionRow) else row.kind,
            "at": rfc3339(_at_ms(row)),
            "record": row.record.decode() or None,
            "salt": base64url.encode(row.salt) if row.salt else None,
            "leaf": row.leaf.hex(),
            "inclusion": self._proof(row.id),
        }

    def _proof(self, entry_id: str) -> Document:
        with suppress(NotSealedYetError):
            return self._ledger.proof(entry_id).document()
        # The service stopped before it sealed its last second, or is not running: what is recorded is sealed now.
        Sealer(self._storage, self._signer, self._clock).seal()
        return self._ledger.proof(entry_id).document()


def _at_ms(row: DecisionRow | EntryRow) -> int:
    return row.decided_at_ms if isinstance(row, DecisionRow) else row.recorded_at_ms

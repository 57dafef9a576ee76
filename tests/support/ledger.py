"""A small record with a ledger, without the web: decisions of real visitors' acts, erasures, seals."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from cookiegate.clock import FrozenClock
from cookiegate.consent.deciding import Decided, Decider, DecisionRequest
from cookiegate.ledger.checkpoint import Checkpoint, read_checkpoint
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.entries import record_entry
from cookiegate.ledger.export_source import ExportSource
from cookiegate.ledger.exporting import Exporter
from cookiegate.ledger.keyfile import open_ledger_key
from cookiegate.ledger.ledger import Ledger
from cookiegate.ledger.sealing import Sealer
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.verification import Verified
from cookiegate.ledger.verifying import verify
from cookiegate.policy.publishing import PolicyBook, publish
from cookiegate.settings import Settings
from cookiegate.storage.contract import DecisionRow, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.tokens.keys import KeyRing
from support.policies import demo_policy
from support.templates import lay_record

ORIGIN = "consent.example.jp/ledger"


class LedgerBench:
    """A record in a folder, with a frozen clock."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.clock = FrozenClock()
        self.settings = Settings(data_dir=folder, base_url="https://consent.example.jp", database_url=database_url)
        self.storage: Storage = open_storage(lay_record(self.settings))
        self.ring = KeyRing.open(folder, self.clock)
        self.signer = open_ledger_key(folder, ORIGIN, is_begun=False)
        self.sealer = Sealer(self.storage, self.signer, self.clock)
        self.ledger = Ledger(self.storage)
        publish(self.storage, demo_policy(), self.clock)
        self.book = PolicyBook(self.storage, self.clock)
        self._decider = Decider(self.storage, b"h" * 32, lambda slot, sub, epoch: None, self.clock)
        self._keys = 0

    @property
    def verifier(self) -> NoteVerifier:
        return self.signer.verifier

    @property
    def database(self) -> Path:
        return self.folder / "cookiegate.db"

    def decide(self, action: Any = "accept", handle: str | None = None, **options: Any) -> Decided:
        """One decision under the current English notice."""
        self._keys += 1
        self.clock.advance(0.01)
        notice = self.book.notice("demo", "en").sha256
        request = DecisionRequest(notice, action, f"key-{self._keys:020d}", handle=handle, **options)
        return self._decider.decide(self.book.current("demo"), True, request)

    def decide_many(self, count: int) -> list[DecisionRow]:
        """Acceptances of different people."""
        return [self.decide().row for _ in range(count)]

    def note(self, kind: Any = "hold", **body: Any) -> str:
        """Another ledger entry; returns its id."""
        self.clock.advance(0.01)
        return self.storage.write(
            lambda transaction: record_entry(transaction, kind=kind, site="demo", body=body, at_ms=self.clock.now_ms())
        ).id

    def erase(self, *key_ids: int, told: bool = True) -> None:
        """Erases people's payloads and keys, with the entry that tells of it."""
        self.clock.advance(0.01)

        def work(transaction: Any) -> None:
            if told:
                count = sum(len(transaction.decisions_of_key(key_id)) for key_id in key_ids)
                body = {"erased_keys": list(key_ids), "decisions": count, "by": "subject"}
                record_entry(transaction, kind="erasure", site="demo", body=body, at_ms=self.clock.now_ms())
            for key_id in key_ids:
                transaction.erase_key(key_id)

        self.storage.write(work)
        self.storage.shred()

    def seal(self) -> int:
        """Seals everything; returns how many entries."""
        return self.sealer.run()

    def history(self) -> None:
        """A ledger with something of everything: several checkpoints, changes of mind, an erasure, other entries."""
        first = self.decide()
        self.seal()
        self.decide("choose", first.handle, purposes={"analytics": True}, acquire={"browsing": True})
        self.decide("reject")
        self.note(reason="court order")
        self.seal()
        gone = self.decide()
        self.decide("withdraw", first.handle)
        self.seal()
        self.decide("withdraw", gone.handle)
        self.erase(gone.row.key_id)
        self.note("hold_released", reason="court order")
        self.decide()
        self.seal()

    def verify(self, *saved: tuple[str, Checkpoint], verifier: NoteVerifier | None = None) -> Verified:
        """Verifies the database."""
        source = DatabaseSource(self.storage)
        return verify(source, verifier or self.verifier, now_ms=self.clock.now_ms(), saved=saved)

    def saved(self) -> tuple[str, Checkpoint]:
        """The newest checkpoint, as somebody keeps it elsewhere."""
        return "saved", read_checkpoint(self.ledger.checkpoint(), self.verifier)

    def export(self, site: str | None = None) -> bytes:
        """The ledger as an export."""
        out = io.BytesIO()
        Exporter(self.storage, out, site=site).run(self.verifier, self.ring.jwks(), self.clock.now_ms())
        return out.getvalue()

    def verify_export(
        self, data: bytes, *saved: tuple[str, Checkpoint], verifier: NoteVerifier | None = None
    ) -> Verified:
        """Verifies an export."""
        source = ExportSource(io.BytesIO(data))
        key = verifier or NoteVerifier.read(source.header.vkey)
        return verify(source, key, now_ms=self.clock.now_ms(), saved=saved)

    def close(self) -> None:
        self.storage.close()

"""Bringing a record back from a backup: whole or not at all, on any engine, and knowing what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cookiegate.clock import Clock
from cookiegate.errors import BackupError, KeyFileError, LedgerDamagedError, RestoreRefusedError
from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.entries import record_entry
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.proving import Proved, prove_by_database
from cookiegate.ledger.receipt_reading import Receipt
from cookiegate.ledger.sealing import Sealer
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.verification import Verified
from cookiegate.rights.copies.checking import verify_copy
from cookiegate.rights.copies.confirming import confirm_again
from cookiegate.rights.copies.facts import refuse_other_facts
from cookiegate.rights.copies.key_sums import count_keys
from cookiegate.rights.copies.losses import mark_lost, tell_of_loss
from cookiegate.rights.copies.manifest import RECORD, Manifest, check_files, read_manifest
from cookiegate.rights.copies.staging import Stage, staged
from cookiegate.rights.restored import erase_unknown
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.copying.durable import sync
from cookiegate.storage.copying.embedded import file_engine
from cookiegate.storage.copying.renewing import renew
from cookiegate.storage.copying.rows import (
    copy_rows,
    count_rows,
    is_empty,
    opened,
    record_engine,
    told_plainly,
)
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import database_file
from cookiegate.storage.revisions import revisions
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.tables import leases
from cookiegate.storage.vault import Vault
from cookiegate.tokens.keys import KeyRing

Advance = Callable[[str, int, int | None], object]


@dataclass(frozen=True, slots=True)
class Order:
    """What a restore is to do.

    Args:
        source: the backup's folder.
        keys, subject_keys: folders to bring these from; None goes on with those of the data folder.
        saved: reads checkpoints that somebody kept elsewhere with the ledger's key, each with its name.
        receipts: reads receipts with the signing keys, each with its name.
        accept_missing: go on although entries are missing.
        accept_lost_keys: go on although the subject keys are older than the record.
        nothing_since: the operator vouches that nothing was recorded after the backup.
    """

    source: Path
    keys: Path | None = None
    subject_keys: Path | None = None
    saved: Callable[[NoteVerifier], Sequence[tuple[str, Checkpoint]]] = lambda verifier: ()
    receipts: Callable[[KeyRing], Sequence[tuple[str, Receipt]]] = lambda ring: ()
    accept_missing: bool = False
    accept_lost_keys: bool = False
    nothing_since: bool = False


@dataclass(slots=True)
class Restored:
    """What became of a restore.

    Args:
        manifest: of the backup.
        size: entries of the ledger as it was backed up, those that waited to be sealed too.
        key_file: the subject keys that were used.
        verified: what the verification of the restored record saw.
        findings: what is wrong with it; entries that are missing at its end are not.
        saved: the outside checkpoints.
        receipts: each receipt with its place, or with what is wrong.
        missing: entries that an outside checkpoint has beyond ``size``.
        erased: people who were erased after the backup, and are so again.
        lost: subject keys that were given up.
        is_lossy: whether something may have been lost, so that nothing is used before it is confirmed.
        to_confirm: consents that wait for their person.
        is_done: whether the record is in its place.
    """

    manifest: Manifest
    size: int
    key_file: Path
    verified: Verified
    findings: Findings
    saved: Sequence[tuple[str, Checkpoint]]
    receipts: list[tuple[str, Proved]]
    missing: int = 0
    erased: int = 0
    lost: int = 0
    is_lossy: bool = False
    to_confirm: int = 0
    is_done: bool = False

    @property
    def unknown_receipts(self) -> int:
        """How many receipts tell of decisions that are missing."""
        return sum(bool(proved.findings.counts["receipt_unknown"]) for _, proved in self.receipts)


def restore(settings: Settings, order: Order, clock: Clock, advance: Advance) -> Restored:
    """Restores a backup as the record of ``settings``, which must be empty.

    Everything is done on a working copy beside it; the record appears at the end, in one step. Nobody else may use the
    data folder meanwhile: take its :class:`ServingLock` alone.

    Args:
        settings: where to.
        order: what from, and what to compare it with.
        clock: dates what is recorded.
        advance: told how far it is.

    Returns:
        What was found; look at ``is_done``.

    Raises:
        BackupError: the backup is damaged.
        RestoreRefusedError: there is a record already, or keys are missing; nothing was changed.
        KeyFileError: keys cannot be used.
    """
    manifest = read_manifest(order.source)
    if manifest.schema not in revisions():
        raise BackupError(f"{order.source} has schema {manifest.schema}: restore it with cookiegate {manifest.made_by}")
    if order.nothing_since and manifest.beside_service:
        raise RestoreRefusedError(
            "--nothing-since: this backup was taken beside a running service, which recorded more afterwards"
        )
    total = sum(facts.bytes for facts in manifest.files.values())
    check_files(order.source, manifest, lambda count: advance("check", count, total))
    _refuse_record(settings)
    file = database_file(settings)
    beside = settings.data_dir if file is None else file.parent
    with staged(
        settings.data_dir, beside, order.source / RECORD, order.keys, order.subject_keys, give_up=order.accept_lost_keys
    ) as stage:
        return _Restoring(settings, order, clock, manifest, stage, advance).run()


def _refuse_record(settings: Settings) -> None:
    file = database_file(settings)
    if file is not None and not file.exists():
        return
    with opened(settings) as connection:
        if not is_empty(connection):
            where = file or "the database of COOKIEGATE_DATABASE_URL"
            raise RestoreRefusedError(
                f"{where} holds a record already, and nothing here overwrites one. Restore into another --data-dir or "
                "database; to give this record up, stop the service and move it away yourself"
            )


class _Restoring:
    """One restore, on its working copy."""

    def __init__(
        self, settings: Settings, order: Order, clock: Clock, manifest: Manifest, stage: Stage, advance: Advance
    ) -> None:
        self._settings = settings
        self._order = order
        self._clock = clock
        self._manifest = manifest
        self._stage = stage
        self._path = stage.record
        self._advance = advance
        self._ring = KeyRing.open(stage.ring_dir, clock)
        self._signer = read_ledger_key(stage.ring_dir)

    def run(self) -> Restored:
        """Everything up to the record in its place."""
        storage = self._open()
        try:
            lost = tell_of_loss(storage, self._clock) if self._order.accept_lost_keys else 0
            erased = erase_unknown(storage, self._clock)
            storage.write(lambda transaction: transaction.execute(sa.delete(leases)))
            self._seal(storage)
            restored = self._examine(storage)
            restored.lost, restored.erased = lost, erased
            is_lacking = bool(restored.missing or restored.unknown_receipts)
            if restored.findings or (is_lacking and not self._order.accept_missing):
                return restored
            restored.is_lossy = is_lacking or not self._order.nothing_since
            if restored.is_lossy:
                total = self._manifest.counts.get("consents", 0)
                told = lambda count: self._advance("confirm", count, total)  # noqa: E731
                restored.to_confirm = confirm_again(storage, self._clock, told)
                self._ring.start_over()
            self._record(storage, restored)
            self._seal(storage)
            storage.empty_log()
        finally:
            storage.close()
        with self._stage.placed(), told_plainly(self._settings):
            self._publish()
        self._stage.is_done = restored.is_done = True
        return restored

    def _open(self) -> Storage:
        data_dir, brought = self._stage.vault_dir, self._stage.brought
        refuse_other_facts(brought, self._order.source, self._manifest)
        if self._order.accept_lost_keys:
            mark_lost(data_dir, self._manifest.newest_key)
        try:
            total = sum(self._manifest.counts.values())
            renew(brought, self._path, data_dir, lambda count: self._advance("take", count, total))
            brought.unlink()
            return SqliteStorage.open(f"sqlite:///{self._path.absolute()}", Vault.open(data_dir))
        except KeyFileError as error:
            if "key_id" not in error.evidence:
                raise
            raise RestoreRefusedError(self._stage.named(self._older_keys())) from error

    def _older_keys(self) -> str:
        file = self._stage.vault_file
        is_own = self._stage.vault_dir == self._settings.data_dir
        cure = f"move {file} away, and name the folder of" if is_own else "name the folder of"
        return (
            f"{file} is older than the record, or was cut off: it holds {count_keys(file):,} keys, and the record "
            f"names key {self._manifest.newest_key:,}. Look for a newer copy, {cure} that with --subject-keys. Only if "
            "there is none anywhere, --accept-lost-keys gives up what is missing: those people's data cannot be read "
            "by anybody any more, and the ledger says so"
        )

    def _seal(self, storage: Storage) -> None:
        """Seals what waits: it is in the order in which the service would have sealed it, to the same roots."""
        sealer = Sealer(storage, self._signer, self._clock)
        with suppress(LedgerDamagedError):  # the verification says it better
            while sealer.run():
                pass

    def _examine(self, storage: Storage) -> Restored:
        storage.empty_log()  # the file alone is looked at
        total, saved = self._manifest.ledger.size, self._order.saved(self._signer.verifier)
        # What was erased again lies beyond what was backed up, and is in no checkpoint from outside.
        size = total + self._manifest.ledger.waiting
        verified = verify_copy(
            self._path,
            self._stage.vault_dir,
            self._signer.verifier,
            now_ms=self._clock.now_ms(),
            saved=[(name, checkpoint) for name, checkpoint in saved if checkpoint.size <= size],
            progress=lambda count: self._advance("verify", count, total),
        )
        receipts = [
            (name, prove_by_database(storage, receipt, self._signer.verifier))
            for name, receipt in self._order.receipts(self._ring)
        ]
        missing = max((checkpoint.size for _, checkpoint in saved), default=0) - size
        found = Findings()
        found.merge(verified.findings)
        for _, proved in receipts:
            found.merge(proved.findings.without("receipt_unknown"))  # that is what is missing
        key_file = Path(self._stage.named(str(self._stage.vault_file)))
        return Restored(self._manifest, size, key_file, verified, found, saved, receipts, missing=max(missing, 0))

    def _record(self, storage: Storage, restored: Restored) -> None:
        body = {
            "backup_taken_at": self._manifest.taken_at,
            "size": restored.size,
            "missing": restored.missing,
            "nothing_since": self._order.nothing_since,
            "to_confirm": restored.to_confirm,
        }
        at_ms = self._clock.now_ms()
        storage.write(lambda transaction: _tell(transaction, body, at_ms))

    def _publish(self) -> None:
        file = database_file(self._settings)
        if file is None:
            self._copy_to_server()
            return
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):  # of an empty record, as was seen
            file.with_name(name).unlink(missing_ok=True)
        sync(self._path)
        self._path.rename(file)
        sync(file.parent)

    def _copy_to_server(self) -> None:
        open_storage(self._settings).close()  # makes the tables
        with file_engine(self._path).connect() as reading, record_engine(self._settings).begin() as writing:
            if not is_empty(writing):
                raise RestoreRefusedError("somebody wrote to the database meanwhile; nothing was restored")
            total = sum(count_rows(reading).values())
            copy_rows(reading, writing, lambda count: self._advance("copy", count, total))


def _tell(transaction: WriteTransaction, body: dict[str, object], at_ms: int) -> None:
    record_entry(transaction, kind="restore", site=None, body=body, at_ms=at_ms)

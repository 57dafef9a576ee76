"""Bringing a record back from a backup: whole or not at all, on any engine, and knowing what is missing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from cookiegate.rights.copies.key_copies import SIGNING_FOLDER, bring_signing_keys, bring_subject_keys
from cookiegate.rights.copies.losses import mark_lost, tell_of_loss
from cookiegate.rights.copies.manifest import RECORD, Manifest, check_files, read_manifest
from cookiegate.rights.restored import erase_unknown
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage, WriteTransaction
from cookiegate.storage.copying.durable import copy_file, sync
from cookiegate.storage.copying.embedded import file_engine
from cookiegate.storage.copying.rows import copy_rows, count_rows, is_empty, known_revisions, newest_key, record_engine
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import DATABASE_FILE, database_file
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.tables import leases
from cookiegate.storage.vault import FOLDER, Vault
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
        verified: what the verification of the restored record saw.
        findings: what is wrong with it; entries that are missing at its end are not.
        saved: the outside checkpoints.
        receipts: each receipt with its place, or with what is wrong.
        missing: entries that an outside checkpoint has beyond the copy's end.
        erased: people who were erased after the backup, and are so again.
        lost: subject keys that were given up.
        is_lossy: whether something may have been lost, so that nothing is used before it is confirmed.
        to_confirm: consents that wait for their person.
        is_done: whether the record is in its place.
    """

    manifest: Manifest
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

    Everything is done on a working copy beside it; the record appears at the end, in one step.

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
    if manifest.schema not in known_revisions():
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
    with _keys_of(settings.data_dir, order) as keys, _working_copy(beside, order.source) as path:
        restored = _Restoring(settings, order, clock, manifest, path, advance).run()
        keys.stay = restored.is_done
    return restored


class _Keys:
    """The folders of keys that were brought; they go again unless they are told to ``stay``."""

    def __init__(self) -> None:
        self.brought: list[Path] = []
        self.stay = False


@contextmanager
def _keys_of(data_dir: Path, order: Order) -> Iterator[_Keys]:
    keys = _Keys()
    try:
        if order.keys is not None:
            bring_signing_keys(order.keys, data_dir)
            keys.brought.append(data_dir / SIGNING_FOLDER)
        if order.subject_keys is not None:
            bring_subject_keys(order.subject_keys, data_dir)
            keys.brought.append(data_dir / FOLDER)
        if not (data_dir / SIGNING_FOLDER).is_dir():
            raise RestoreRefusedError(
                f"there are no keys in {data_dir}: without the ledger's key nothing can be verified; name their copy "
                "with --keys FOLDER"
            )
        yield keys
    finally:
        for folder in () if keys.stay else keys.brought:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _working_copy(beside: Path, source: Path) -> Iterator[Path]:
    """A copy of the backup's record in a folder of its own, which goes at the end."""
    folder = Path(tempfile.mkdtemp(dir=beside, prefix=".restoring-"))
    try:
        copy_file(source / RECORD, folder / DATABASE_FILE)
        yield folder / DATABASE_FILE
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_record(settings: Settings) -> None:
    file = database_file(settings)
    if file is not None and not file.exists():
        return
    with record_engine(settings).connect() as connection:
        if not is_empty(connection):
            where = file or "the database of COOKIEGATE_DATABASE_URL"
            raise RestoreRefusedError(
                f"{where} holds a record already, and nothing here overwrites one. Restore into another --data-dir or "
                "database; to give this record up, stop the service and move it away yourself"
            )


class _Restoring:
    """One restore, on its working copy."""

    def __init__(
        self, settings: Settings, order: Order, clock: Clock, manifest: Manifest, path: Path, advance: Advance
    ) -> None:
        self._settings = settings
        self._order = order
        self._clock = clock
        self._manifest = manifest
        self._path = path
        self._advance = advance
        self._ring = KeyRing.open(settings.data_dir, clock)
        self._signer = read_ledger_key(settings.data_dir)

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
        self._publish()
        restored.is_done = True
        return restored

    def _open(self) -> Storage:
        data_dir = self._settings.data_dir
        if self._order.accept_lost_keys:
            with file_engine(self._path).connect() as connection:
                newest = newest_key(connection)
            mark_lost(data_dir, newest)
        try:
            return SqliteStorage.open(f"sqlite:///{self._path.absolute()}", Vault.open(data_dir))
        except KeyFileError as error:
            raise RestoreRefusedError(
                f"{error.detail}. If there is none, --accept-lost-keys gives up what the older copy lacks: those "
                "people's data cannot be read by anybody any more, and the ledger says so"
            ) from error

    def _seal(self, storage: Storage) -> None:
        """Seals what waits: it is in the order in which the service would have sealed it, to the same roots."""
        sealer = Sealer(storage, self._signer, self._clock)
        with suppress(LedgerDamagedError):  # the verification says it better
            while sealer.run():
                pass

    def _examine(self, storage: Storage) -> Restored:
        storage.empty_log()  # the file alone is looked at
        total, saved = self._manifest.ledger.size, self._order.saved(self._signer.verifier)
        verified = verify_copy(
            self._path,
            self._settings.data_dir,
            self._signer.verifier,
            now_ms=self._clock.now_ms(),
            saved=saved,
            progress=lambda count: self._advance("verify", count, total),
        )
        receipts = [
            (name, prove_by_database(storage, receipt, self._signer.verifier))
            for name, receipt in self._order.receipts(self._ring)
        ]
        missing = max((checkpoint.size for _, checkpoint in saved), default=0) - verified.size
        found = Findings()
        found.merge(verified.findings.without("rolled_back"))  # that, and unknown receipts, are what is missing
        for _, proved in receipts:
            found.merge(proved.findings.without("receipt_unknown"))
        return Restored(self._manifest, verified, found, saved, receipts, missing=max(missing, 0))

    def _record(self, storage: Storage, restored: Restored) -> None:
        body = {
            "backup_taken_at": self._manifest.taken_at,
            "size": restored.verified.size,
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

"""Making a backup: one consistent copy of the whole record, taken while it is in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cookiegate import __version__
from cookiegate.clock import Clock, rfc3339
from cookiegate.errors import BackupError, SettingsError
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.verification import Verified
from cookiegate.rights.copies.checking import verify_copy
from cookiegate.rights.copies.facts import CopyFacts
from cookiegate.rights.copies.manifest import (
    CHECKPOINT,
    FORMAT,
    RECORD,
    VERSION,
    Manifest,
    facts_of,
    write_manifest,
)
from cookiegate.settings import Settings
from cookiegate.storage.copying.durable import new_folder
from cookiegate.storage.copying.embedded import file_engine, reason_of, snapshot
from cookiegate.storage.copying.rows import copy_rows, count_rows, record_engine
from cookiegate.storage.migrating import migrate
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import ServingLock, database_file
from cookiegate.storage.revisions import newest_revision, revision_of

#: Told what is being done, how much more of it was done, and how much there is (None: nobody knows).
Advance = Callable[[str, int, int | None], object]


class UnsoundCopyError(BackupError):
    """A copy was made whose ledger does not verify; ``verified`` says why. It was not kept."""

    def __init__(self, verified: Verified) -> None:
        super().__init__("the copy does not verify, so the record itself is damaged: run cookiegate ledger verify")
        self.verified = verified


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, and what its verification saw; None where that was left out."""

    manifest: Manifest
    verified: Verified | None


def back_up(settings: Settings, target: Path, clock: Clock, *, is_verified: bool, advance: Advance) -> Backup:
    """Copies the record into a new folder.

    Args:
        settings: say where the record lies.
        target: the folder; it appears whole, synced and verified, or not at all.
        clock: the time.
        is_verified: whether the copy's whole ledger is derived again.
        advance: told how far it is.

    Raises:
        BackupError: it cannot be made; nothing is left behind.
        UnsoundCopyError: the record is damaged.
        KeyFileError: the keys cannot be read, to verify.
    """
    file, now_ms = database_file(settings), clock.now_ms()
    with new_folder(target) as folder:
        copy = folder / RECORD
        if file is not None:
            snapshot(file, copy, _pages(advance))
        else:
            _copy_rows(settings, copy, advance)
        beside = ServingLock(settings).is_held() if file is not None else None
        with CopyFacts(copy) as facts:
            _refuse_other_schema(facts.schema, is_verified)
            verified = _verify(settings, copy, now_ms, advance) if is_verified else None
            (folder / CHECKPOINT).touch(mode=0o600)
            (folder / CHECKPOINT).write_text(facts.ledger().checkpoint or "", encoding="utf-8")
            manifest = Manifest(
                format=FORMAT,
                version=VERSION,
                made_by=__version__,
                engine="sqlite" if file is not None else "postgresql",
                schema=str(facts.schema),
                taken_at=rfc3339(now_ms),
                taken_at_ms=now_ms,
                beside_service=beside,
                ledger=facts.ledger(),
                files={name: facts_of(folder / name) for name in (RECORD, CHECKPOINT)},
                verified=verified is not None,
                **facts.rows(),
            )
        write_manifest(folder, manifest)
    return Backup(manifest, verified)


def _pages(advance: Advance) -> Callable[[int, int], object]:
    done = 0

    def told(left: int, total: int) -> None:
        nonlocal done
        advance("copy", total - left - done, total)
        done = total - left

    return told


def _copy_rows(settings: Settings, target: Path, advance: Advance) -> None:
    """The rows of a server's database, all of one moment, in a new file."""
    target.touch(mode=0o600)
    written = file_engine(target, writable=True)
    try:
        with written.begin() as writing:
            migrate(writing)
        with record_engine(settings).connect() as reading:
            if revision_of(reading) != newest_revision():
                raise BackupError(_other_schema(revision_of(reading)))
            total = sum(count_rows(reading).values())
            with written.begin() as writing:
                copy_rows(reading, writing, lambda count: advance("copy", count, total))
    except sa.exc.DBAPIError as error:
        raise BackupError(
            f"the record cannot be copied to {target.parent} ({reason_of(error, target.parent)})"
        ) from error


def _other_schema(found: str | None) -> str:
    return (
        f"the record has schema {found}, this version of cookiegate writes {newest_revision()}: "
        "back up with the version that serves it"
    )


def _verify(settings: Settings, copy: Path, now_ms: int, advance: Advance) -> Verified:
    verifier = read_ledger_key(settings.data_dir).verifier
    record = open_storage(settings)
    try:
        verified = verify_copy(
            copy,
            settings.data_dir,
            verifier,
            now_ms=now_ms,
            record=record,
            progress=lambda count: advance("verify", count, None),
        )
    finally:
        record.close()
    if verified.findings:
        raise UnsoundCopyError(verified)
    return verified


def _refuse_other_schema(found: str | None, is_verified: bool) -> None:
    if found is None:
        raise SettingsError("there is no record of cookiegate in this database")
    if is_verified and found != newest_revision():
        raise BackupError(f"{_other_schema(found)}, or say --no-verify")

"""A record that is backed up and restored, on any engine, with its keys kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from support.keeping import Keeping

from cookiegate.consent.current import Consent, consent_of
from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.database_source import DatabaseSource
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.ledger.verification import Verified
from cookiegate.ledger.verifying import verify
from cookiegate.rights.copies.backing_up import Advance, Backup, back_up
from cookiegate.rights.copies.facts import CopyFacts
from cookiegate.rights.copies.key_copies import keep_signing_keys, keep_subject_keys
from cookiegate.rights.copies.manifest import RECORD, facts_of, read_manifest, write_manifest
from cookiegate.rights.copies.restoring import Order, Restored, restore
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage

#: Makes an empty database of some engine for a data folder.
NewDatabase = Callable[[Path], str]


def silent(name: str, more: int, total: int | None) -> None:
    """Watches no progress."""


class Kept(Keeping):
    """A record with people in it, of which backups are taken into ``place``."""

    def __init__(self, place: Path, new_database: NewDatabase) -> None:
        folder = place / "data"
        folder.mkdir(parents=True)
        super().__init__(folder, new_database(folder))
        self.place = place

    def back_up_to(self, name: str = "backup", *, keys: bool = True, advance: Advance = silent) -> Backup:
        """A backup, and the newest copies of the keys."""
        made = back_up(self.settings, self.place / name, self.clock, is_verified=True, advance=advance)
        if keys:
            keep_subject_keys(self.folder, self.place / "subject-keys")
            keep_signing_keys(self.folder, self.place / "keys")
        return made

    def restore_to(self, database_url: str, folder: Path, name: str = "backup", **order: Any) -> Restored:
        """Restores into another folder, with copies of the keys."""
        folder.mkdir(exist_ok=True)
        settings = replace(self.settings, data_dir=folder, database_url=database_url)
        keys = {"keys": self.place / "keys", "subject_keys": self.place / "subject-keys"}
        return restore(settings, Order(self.place / name, **{**keys, **order}), self.clock, silent)

    def saving(self) -> dict[str, Any]:
        """What ``--against`` the newest checkpoint asks for."""
        saved = self.saved()
        return {"saved": lambda verifier: [saved]}


@contextmanager
def opened(database_url: str, folder: Path) -> Iterator[Storage]:
    """A restored record."""
    storage = open_storage(Settings(data_dir=folder, database_url=database_url))
    try:
        yield storage
    finally:
        storage.close()


def verified(database_url: str, folder: Path, at_ms: int, *saved: tuple[str, Checkpoint]) -> Verified:
    """What ``cookiegate ledger verify`` sees there."""
    with opened(database_url, folder) as storage:
        return verify(DatabaseSource(storage), read_ledger_key(folder).verifier, now_ms=at_ms, saved=saved)


def consent_there(kept: Kept, storage: Storage, handle_hash: bytes) -> Consent:
    """What holds for the holder of a handle in another record."""
    return consent_of(kept.book.current("demo"), storage.find_consent("demo", handle_hash), None, kept.clock.now_ms())


def refit(folder: Path) -> None:
    """Makes the manifest agree with a changed record again, as somebody who hides the change would."""
    manifest = read_manifest(folder)
    (folder / "manifest.json").unlink()
    files = {**manifest.files, RECORD: facts_of(folder / RECORD)}
    found: dict[str, Any] = {}
    with suppress(sa.exc.DBAPIError), CopyFacts(folder / RECORD) as facts:  # it may be no record any more
        found = {"schema": str(facts.schema), "ledger": facts.ledger(), **facts.rows()}
    write_manifest(folder, msgspec.structs.replace(manifest, files=files, **found))

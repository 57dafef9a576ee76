"""Copies of the keys, elsewhere than those of the record: with both in one place nothing is ever erased."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cookiegate.errors import BackupError, RestoreRefusedError
from cookiegate.storage.copying.durable import copy_file, sync
from cookiegate.storage.vault import FILE, FOLDER, Vault
from cookiegate.tokens import keyfiles

RING = "ring.json"
SIGNING_FOLDER = "keys"


def keep_subject_keys(data_dir: Path, folder: Path) -> Path:
    """Makes ``folder/keys.bin`` the newest copy of the subject keys; the one before is overwritten, then replaced.

    Take it after the record's copy, so that it holds every key which that needs.

    Raises:
        BackupError, KeyFileError: it cannot be written; the former copy is still there.
    """
    keyfiles.make_folder(folder)
    target, fresh = folder / FILE, folder / f"{FILE}.new"
    fresh.unlink(missing_ok=True)
    # From the front: the mark of how far shredding has come is read before the keys, so a copy never claims too much.
    copy_file(data_dir / FOLDER / FILE, fresh)
    former = target.open("r+b") if target.exists() else None
    try:
        fresh.replace(target)
        sync(folder)
        if former is not None:  # whoever was erased since is not to be found on this disk
            former.write(bytes(os.fstat(former.fileno()).st_size))
            former.flush()
            os.fsync(former.fileno())
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror})") from error
    finally:
        if former is not None:
            former.close()
    return target


def keep_signing_keys(data_dir: Path, folder: Path) -> int:
    """Copies signing keys, secrets and the ledger's key to ``folder``, each mode 0600; returns how many files.

    Raises:
        KeyFileError: a file cannot be read or written.
    """
    source = data_dir / SIGNING_FOLDER
    keyfiles.make_folder(folder)
    with keyfiles.open_lock(source) as lock:  # no key is made or disabled meanwhile
        fcntl.flock(lock, fcntl.LOCK_SH)
        names = _names(source)
        for name in names:
            keyfiles.write(folder / name, keyfiles.read(source / name))
    return len(names)


def bring_signing_keys(folder: Path, data_dir: Path) -> None:
    """Puts copied signing keys into a data folder that has none.

    Raises:
        RestoreRefusedError: it has some, or the copy is none.
        KeyFileError: a file cannot be read or written.
    """
    target = data_dir / SIGNING_FOLDER
    if not (folder / RING).exists():
        raise RestoreRefusedError(f"--keys {folder}: there is no {RING}; name the folder that backup --keys wrote")
    if (target / RING).exists():
        raise RestoreRefusedError(f"{target} holds keys already: leave --keys out to go on with them")
    keyfiles.make_folder(target)
    for name in _names(folder):
        keyfiles.write(target / name, keyfiles.read(folder / name))


def bring_subject_keys(folder: Path, data_dir: Path) -> None:
    """Puts a copy of the subject keys into a data folder that has none.

    Raises:
        RestoreRefusedError: it has some, or the copy is none.
        BackupError: it cannot be copied.
    """
    source, target = folder / FILE, data_dir / FOLDER / FILE
    if not source.exists():
        raise RestoreRefusedError(f"--subject-keys {folder}: there is no {FILE}; name the folder that backup wrote")
    if target.exists() and _size(data_dir) > 0:
        raise RestoreRefusedError(f"{target} holds keys already: leave --subject-keys out to go on with them")
    keyfiles.make_folder(target.parent)
    target.unlink(missing_ok=True)
    copy_file(source, target)


def _size(data_dir: Path) -> int:
    vault = Vault.open(data_dir)
    try:
        return vault.size()
    finally:
        vault.close()


def _names(folder: Path) -> list[str]:
    """The key files, the index last: it names only what is there."""
    found = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != keyfiles.LOCK)
    return sorted((name for name in found if not name.startswith(".")), key=lambda name: name == RING)

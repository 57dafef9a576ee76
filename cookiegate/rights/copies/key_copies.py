"""Copies of the keys, elsewhere than those of the record: with both in one place nothing is ever erased.

There is one copy, and each backup replaces it. So nothing takes its place that is not the same keys at a later time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cookiegate.errors import BackupError, KeyFileError
from cookiegate.ledger.keyfile import FILE as LEDGER_KEY
from cookiegate.rights.copies.key_sums import NEW_SUMS, SUMS, compare, damaged_slots, sums_of
from cookiegate.storage.copying.durable import copy_file, overwrite, sync
from cookiegate.storage.vault import FILE, FOLDER, HEADER, MARK_BYTES
from cookiegate.tokens import keyfiles

RING = "ring.json"
SIGNING_FOLDER = "keys"
_KEPT = "Nothing was overwritten"


def refuse_other_keys(data_dir: Path, keys: Path | None, subject_keys: Path | None) -> None:
    """Stops before the only copy of some keys would be replaced by other ones.

    Args:
        data_dir: the service's data folder.
        keys, subject_keys: where copies are to go; None for nowhere.

    Raises:
        BackupError: a folder holds another service's keys, or more than the data folder.
    """
    if keys is not None:
        with _readable(keys):
            _refuse_other_signing_keys(data_dir / SIGNING_FOLDER, keys)
    if subject_keys is not None:
        with _readable(subject_keys):
            _refuse_other_subject_keys(data_dir / FOLDER / FILE, subject_keys)


def keep_subject_keys(data_dir: Path, folder: Path) -> Path:
    """Makes ``folder/keys.bin`` the newest copy of the subject keys; the one before is replaced, then overwritten.

    Take it after the record's copy, so that it holds every key which that needs.

    Raises:
        BackupError, KeyFileError: it cannot be written or read back, or the former copy is one of other keys; the
            former copy is still there.
    """
    keyfiles.make_folder(folder)
    source, target, fresh = data_dir / FOLDER / FILE, folder / FILE, folder / f"{FILE}.new"
    with _readable(folder):
        _refuse_other_subject_keys(source, folder)
        _drop(fresh)
        try:
            # From the front: the mark of how far shredding has come is read before the keys, so a copy never claims
            # too much.
            copy_file(source, fresh)
            _read_back(source, fresh)
            keyfiles.write(folder / NEW_SUMS, sums_of(fresh))
            _replace(target, fresh)
        finally:
            _drop(fresh)
    return target


def _replace(target: Path, fresh: Path) -> None:
    former = target.open("r+b") if target.exists() else None
    try:
        fresh.replace(target)
        sync(target.parent)
        (target.parent / NEW_SUMS).replace(target.parent / SUMS)
        sync(target.parent)
        if former is not None:  # whoever was erased since is not to be found on this disk
            former.write(bytes(os.fstat(former.fileno()).st_size))
            former.flush()
            os.fsync(former.fileno())
    finally:
        if former is not None:
            former.close()


def keep_signing_keys(data_dir: Path, folder: Path) -> int:
    """Copies signing keys, secrets and the ledger's key to ``folder``, each mode 0600; returns how many files.

    Raises:
        BackupError: the folder holds other keys; nothing was overwritten.
        KeyFileError: a file cannot be read or written.
    """
    source = data_dir / SIGNING_FOLDER
    if not source.is_dir():
        raise KeyFileError(f"there are no keys in {data_dir}; the service makes them on its first start")
    keyfiles.make_folder(folder)
    with _readable(folder), keyfiles.open_lock(source) as lock:  # no key is made or disabled meanwhile
        fcntl.flock(lock, fcntl.LOCK_SH)
        _refuse_other_signing_keys(source, folder)
        names = key_names(source)
        for name in names:
            keyfiles.write(folder / name, keyfiles.read(source / name))
    return len(names)


def key_names(folder: Path) -> list[str]:
    """The key files, the index last: it names only what is there."""
    found = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != keyfiles.LOCK)
    return sorted((name for name in found if not name.startswith(".")), key=lambda name: name == RING)


def _refuse_other_signing_keys(source: Path, folder: Path) -> None:
    """None of these files ever changes but the index, and none goes."""
    if not folder.is_dir():
        return
    kept = [path for path in folder.iterdir() if path.name == LEDGER_KEY or path.name.startswith(("key-", "secret-"))]
    for path in sorted(kept, key=lambda path: path.name != LEDGER_KEY):
        mine = source / path.name
        if not mine.exists() or mine.read_bytes() != path.read_bytes():
            why = "has another one" if mine.exists() else "has none"
            raise BackupError(
                f"{folder} holds other keys: there is a {path.name}, and {source} {why}. {_KEPT}. Is {source.parent} "
                "the right data folder, and its disk mounted? If it is, this copy is another service's, or damaged: "
                f"name another folder with --keys, and keep {folder} until you know whose keys it holds"
            )


def _refuse_other_subject_keys(source: Path, folder: Path) -> None:
    target = folder / FILE
    if not target.exists():
        return
    found = compare(target, source)
    whose = f"Is {source.parent.parent} the right data folder, and its disk mounted? If it is"
    if found.newer < found.older:
        raise BackupError(
            f"{target} holds {found.older:,} keys, and {source} only {found.newer:,}. {_KEPT}. {whose}, keys were lost "
            f"there, or this copy is another service's: name another folder with --subject-keys, and keep {folder}"
        )
    if not found.differing:
        return
    if not found.is_related:
        raise BackupError(
            f"{target} holds other keys than {source}. {_KEPT}. {whose}, this copy is another service's: name another "
            f"folder with --subject-keys, and keep {folder}"
        )
    changed = set(found.differing).difference(damaged_slots(folder))  # what is damaged is made good by a new copy
    if changed:
        raise BackupError(
            f"key {min(changed):,} in {source} is not the one in its copy {target}: one of the two was damaged, or is "
            f"older. {_KEPT}. Run cookiegate ledger verify: where that finds nothing, move {folder} away and repeat; "
            "where it does, the copy is what you need"
        )


def _read_back(source: Path, fresh: Path) -> None:
    """Stops before a copy is relied on that is not on the disk as it was written."""
    with fresh.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        is_ours = file.read(len(HEADER) - MARK_BYTES) == HEADER[:-MARK_BYTES]
    if not is_ours or compare(fresh, source).differing:
        raise BackupError(f"{fresh} does not read back as it was written. {_KEPT}: use another disk")


def _drop(path: Path) -> None:
    """Overwrites a file of keys, then removes it."""
    if path.exists():
        overwrite(path)
        path.unlink()


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"the keys cannot be copied to {folder} ({error.strerror or error})") from error

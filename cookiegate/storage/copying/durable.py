"""Folders that appear whole and synced, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cookiegate.errors import BackupError

CHUNK_BYTES = 1 << 20
Progress = Callable[[int], object]


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder under a temporary name beside ``target``, which takes its place once the block ends well.

    Raises:
        BackupError: ``target`` is there already, or cannot be written; nothing is left behind.
    """
    parent = target.absolute().parent
    try:
        if target.exists() or target.is_symlink():
            raise BackupError(f"{target} is there already; name a new folder, for instance with the date in its name")
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=f".{target.name}.partial-"))
    except FileNotFoundError as error:  # it is not made: where a disk is not mounted, that would hide it
        raise BackupError(
            f"there is no folder {parent}: mount the disk that it is on, or make it with mkdir -p -m 700 {parent}"
        ) from error
    except OSError as error:
        raise BackupError(f"{parent} cannot be written ({error.strerror})") from error
    try:
        yield folder
        for path in folder.rglob("*"):
            sync(path)
        sync(folder)
        folder.rename(target)
        sync(parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}); nothing was left behind") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def overwrite(path: Path) -> None:
    """Fills a file with nothing, in place, and returns when that is on the disk."""
    with path.open("r+b") as file:
        for left in range(path.stat().st_size, 0, -CHUNK_BYTES):
            file.write(bytes(min(left, CHUNK_BYTES)))
        file.flush()
        os.fsync(file.fileno())


def digest_of(path: Path, progress: Progress = lambda count: None) -> str:
    """SHA-256 of a file in hex; ``progress`` is told how many bytes more were read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copies a file, mode 0600, on disk before this returns; from its beginning to its end, as that was then.

    Raises:
        BackupError: it cannot be read or written.
    """
    try:
        with source.open("rb") as file, os.fdopen(_create(target), "wb") as out:
            left = os.fstat(file.fileno()).st_size
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                out.write(chunk)
                left -= len(chunk)
            out.flush()
            os.fsync(out.fileno())
        sync(target.parent)
    except OSError as error:
        raise BackupError(f"{source} cannot be copied to {target} ({error.strerror})") from error


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

"""Files that hold keys: written whole and synced, read only when nobody else can read them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

from cookiegate.errors import KeyFileError

LOCK = "lock"
_LIMIT_BYTES = 65_536


def make_folder(folder: Path) -> None:
    """Makes the folder with mode 0700, or checks the one that is there.

    Raises:
        KeyFileError: if others can look into it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_others(folder, folder.stat(), "0700")
    except OSError as error:
        raise KeyFileError(f"{folder} cannot be used ({error.strerror})", file=folder.name) from error


def read(path: Path) -> bytes:
    """The content of a key file.

    Raises:
        KeyFileError: naming the file, if it is missing, unreadable, too large, or open to others.
    """
    try:
        # The mode is asked of the open file, so that it cannot be swapped between the check and the reading.
        with path.open("rb") as file:
            _refuse_others(path, os.fstat(file.fileno()), "0600")
            data = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError(f"{path} is missing; restore it from a backup", file=path.name) from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror})", file=path.name) from error
    if not data or len(data) > _LIMIT_BYTES:
        raise KeyFileError(f"{path} is garbled; restore it from a backup", file=path.name)
    return data


def write(path: Path, data: bytes) -> None:
    """Replaces a key file in one step, mode 0600, on disk before this returns.

    Raises:
        KeyFileError: naming the file, if it cannot be written.
    """
    try:
        # mkstemp makes the file 0600 from the start: there is no moment in which others could read it.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written ({error.strerror})", file=path.name) from error


def stamp(path: Path) -> tuple[int, int]:
    """What changes whenever :func:`write` replaces the file.

    Raises:
        KeyFileError: if the file is missing.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise KeyFileError(f"{path} is missing; restore it from a backup", file=path.name) from error
    return found.st_mtime_ns, found.st_ino


def open_lock(folder: Path) -> BinaryIO:
    """The file whose lock keeps two processes from changing the ring at once."""
    return os.fdopen(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")


def _refuse_others(path: Path, found: os.stat_result, wanted: str) -> None:
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        raise KeyFileError(
            f"{path} has mode {mode}: others could read it; run chmod {wanted} {path}", file=path.name, mode=mode
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

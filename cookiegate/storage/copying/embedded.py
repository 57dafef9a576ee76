"""Copies in one SQLite file: made from a file in use by SQLite's online backup, and opened without changing a byte."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from cookiegate.errors import BackupError
from cookiegate.storage.group_commit import GATHER_S
from cookiegate.storage.sqlite import BUSY_TIMEOUT_MS, SqliteStorage, refuse_unsafe_build
from cookiegate.storage.vault import Vault

#: Pages copied at once, and how long the disk and the interpreter are left to others in between.
PAGES_AT_ONCE = 512
PAUSE_S = 0.001
#: A disk with less room than this is full.
ROOM_BYTES = 65_536
#: What SQLite's backup says, without a code.
_FULL = "database or disk is full"
#: Told how many pages are left, and how many there are.
Pages = Callable[[int, int], object]


def snapshot(source: Path, target: Path, progress: Pages = lambda left, total: None) -> None:
    """Copies a database that is in use, as it is at this moment, into a new file; nobody who writes waits for it.

    Args:
        source: the database.
        target: a file that is not there yet; it gets mode 0600.
        progress: told again and again how far it is.

    Raises:
        BackupError: the source cannot be read, or the target cannot be written.

    Source: sqlite.org/backup.html.
    """
    refuse_unsafe_build(pysqlite3.sqlite_version_info)
    if not source.exists():
        raise BackupError(f"there is no record at {source}")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror})") from error
    reading = writing = None
    try:
        reading = pysqlite3.connect(str(source), timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        writing = pysqlite3.connect(str(target), isolation_level=None)
        # One view for the whole copy. Without it the copy would begin anew after each commit of somebody else.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(
            writing, pages=PAGES_AT_ONCE, sleep=PAUSE_S, progress=lambda _, left, total: progress(left, total)
        )
        writing.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except pysqlite3.Error as error:
        reason = reason_of(error, target.parent)
        raise BackupError(f"the record cannot be copied to {target.parent} ({reason})") from error
    finally:
        for connection in (writing, reading):
            if connection is not None:
                connection.close()


def reason_of(error: Exception, folder: Path | None = None) -> str:
    """Why a database failed, in its driver's own sentence, as far as that quotes no data.

    Args:
        error: of SQLAlchemy or of a driver.
        folder: where was written; a full disk is not always told as such.
    """
    found = getattr(error, "orig", None) or error
    if is_full(error, folder):
        return os.strerror(errno.ENOSPC)
    said = getattr(getattr(found, "diag", None), "message_primary", None) or str(found)
    return " ".join(said.split()) or type(found).__name__


def is_full(error: Exception, folder: Path | None) -> bool:
    """Whether a database failed because its disk is full."""
    found = getattr(error, "orig", None) or error
    if getattr(found, "sqlite_errorname", "") == "SQLITE_FULL" or str(found) == _FULL:
        return True
    return folder is not None and shutil.disk_usage(folder).free < ROOM_BYTES


def file_engine(path: Path, *, writable: bool = False) -> Engine:
    """SQLAlchemy on a copy's file. Unless it is ``writable`` nothing can change it, not even its header."""
    address = str(path) if writable else f"file:{_quoted(path)}?mode=ro&immutable=1"
    return sa.create_engine(
        "sqlite://",
        module=pysqlite3,
        poolclass=NullPool,
        creator=lambda: pysqlite3.connect(address, uri=not writable, check_same_thread=False),
    )


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


class CopyStorage(SqliteStorage):
    """A copy, to be read with the subject keys of its record. Writing to it fails.

    Args:
        path: the copy.
        vault: the keys; closed with this.
    """

    def __init__(self, path: Path, vault: Vault) -> None:
        super().__init__(file_engine(path), str(path), vault, GATHER_S, None)

    def _connect(self) -> Any:
        connection = pysqlite3.connect(
            f"file:{_quoted(Path(self._path))}?mode=ro&immutable=1",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only = ON")
        return connection

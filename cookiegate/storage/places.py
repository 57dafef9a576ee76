"""Where the record lies, and that on SQLite one service at a time works on it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cookiegate.errors import SettingsError
from cookiegate.settings import PREFIX, Settings

DATABASE_FILE = "cookiegate.db"
SERVING_SUFFIX = ".serving"


def record_uri(settings: Settings) -> str:
    """The record's database URI, that of the file in the data folder when none is set."""
    return settings.database_url or f"sqlite:///{settings.data_dir.absolute() / DATABASE_FILE}"


def database_file(settings: Settings) -> Path | None:
    """The file of an embedded record; None where a server keeps it.

    Raises:
        SettingsError: the URI is no URI.
    """
    uri = record_uri(settings)
    if not uri.startswith("sqlite"):  # a server's may name several hosts, which not every reader of URIs takes
        return None
    try:
        database = make_url(uri).database
    except ArgumentError as error:
        raise SettingsError(f"{PREFIX}DATABASE_URL is not a database URI") from error
    return Path(database) if database else None


class ServingLock:
    """That this service is the only one on its SQLite file; on a server's database it locks nothing.

    Whoever inherits the open file (a worker that was forked) holds it too: it is free when the last of them has ended,
    however they ended.

    Args:
        settings: say where the record lies.
    """

    def __init__(self, settings: Settings) -> None:
        file = database_file(settings)
        self._path = None if file is None else file.with_name(file.name + SERVING_SUFFIX)
        self._handle = -1

    def __enter__(self) -> ServingLock:
        """Takes it.

        Raises:
            SettingsError: another service has it, or the folder cannot be written.
        """
        if self._path is not None and not self._take(self._path):
            raise SettingsError(
                f"another service already serves {self._path.with_suffix('')}: stop it first. SQLite takes one service "
                f"at a time; for several set {PREFIX}DATABASE_URL to a PostgreSQL database"
            )
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def is_held(self) -> bool:
        """Whether some service works on the file now; False where nothing is locked."""
        if self._path is None or not self._path.exists():
            return False
        free = self._take(self._path)
        self.__exit__(None)
        return not free

    def _take(self, path: Path) -> bool:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"{path} cannot be opened ({error.strerror})") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

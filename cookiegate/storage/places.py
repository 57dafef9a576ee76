"""Where the record lies, and who works on it: on SQLite one service at a time, and none while its keys are replaced."""

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
#: In the data folder: shared by its services, taken alone by a command that changes their keys.
FOLDER_LOCK = "serving.lock"


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
    """That a service works here: the only one on its SQLite file, one of several on its data folder.

    On a server's database any number of services may work, and share a data folder. A command that takes the lock
    ``alone`` shares the folder with nobody, on no node: it changes keys that services read once.

    Whoever inherits the open files (a worker that was forked) holds it too: it is free when the last of them has ended,
    however they ended.

    Args:
        settings: say where the record lies, and the data folder.
        alone: shut every service out of the data folder, rather than share it.
    """

    def __init__(self, settings: Settings, *, alone: bool = False) -> None:
        file = database_file(settings)
        self._path = None if file is None else file.with_name(file.name + SERVING_SUFFIX)
        self._folder = settings.data_dir
        self._alone = alone
        self._handles: list[int] = []

    def __enter__(self) -> ServingLock:
        """Takes it.

        Raises:
            SettingsError: another service has it, or the folder cannot be written.
        """
        self.take_folder()
        if self._path is not None and not self._take(self._path, fcntl.LOCK_EX):
            self.__exit__(None)
            raise SettingsError(
                f"another service already serves {self._path.with_suffix('')}: stop it first. SQLite takes one service "
                f"at a time; for several set {PREFIX}DATABASE_URL to a PostgreSQL database"
            )
        return self

    def take_folder(self) -> None:
        """Takes the data folder without the file: for a service that other commands may have started.

        Raises:
            SettingsError: who has it does not share it, or the folder cannot be written.
        """
        if self._take(self._folder / FOLDER_LOCK, fcntl.LOCK_EX if self._alone else fcntl.LOCK_SH):
            return
        if self._alone:
            raise SettingsError(
                f"a service uses {self._folder}, perhaps on another node, and would go on with its keys as they were: "
                "stop it first, or name another --data-dir"
            )
        raise SettingsError(
            f"a restore, or cookiegate keys accept-loss, is under way in {self._folder}: start the service afterwards"
        )

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        while self._handles:
            os.close(self._handles.pop())

    def is_held(self) -> bool:
        """Whether some service works on the file now; False where nothing is locked."""
        if self._path is None or not self._path.exists():
            return False
        free = self._take(self._path, fcntl.LOCK_EX)
        self.__exit__(None)
        return not free

    def _take(self, path: Path, how: int) -> bool:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"{path} cannot be opened ({error.strerror})") from error
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handles.append(handle)
        return True

"""Taking the rows out of a copy, and nothing else.

A copy's file is whoever had it: beside rows it can hold triggers, views, and tables whose constraints pass over what is
written, and no hash of the ledger covers any of that. So a record goes on in a file whose tables this program made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from cookiegate.errors import BackupError
from cookiegate.storage.copying.embedded import file_engine, is_full, reason_of
from cookiegate.storage.copying.rows import copy_rows
from cookiegate.storage.migrating import migrate
from cookiegate.storage.revisions import newest_revision, revision_of
from cookiegate.storage.sqlite import SqliteStorage, foreign_triggers
from cookiegate.storage.vault import Vault


def renew(copy: Path, target: Path, data_dir: Path, advance: Callable[[int], object] = lambda count: None) -> None:
    """Copies the rows of a record in one file into a new file, with the schema of this program.

    Args:
        copy: a working copy; one of an older schema is migrated in its place first.
        target: a file that is not there yet; it gets mode 0600.
        data_dir: where the subject keys lie.
        advance: told how many rows more were copied.

    Raises:
        BackupError: it holds triggers that no record of this program has, or what is in it cannot be a record.
        KeyFileError: the subject keys are older than the record.
    """
    try:
        with file_engine(copy).connect() as reading:
            _refuse_foreign(reading)
            is_older = revision_of(reading) != newest_revision()
        if is_older:
            _bring_up_to_date(copy, data_dir)
        target.touch(mode=0o600, exist_ok=False)
        written = file_engine(target, writable=True)
        with written.begin() as writing:
            migrate(writing)
        with file_engine(copy).connect() as reading, written.begin() as writing:
            copy_rows(reading, writing, advance)
    except (SQLAlchemyError, TypeError, ValueError) as error:  # a value may be of any kind there
        if is_full(error, target.parent):
            raise BackupError(f"{target.parent} takes no more ({reason_of(error, target.parent)})") from error
        raise BackupError(f"{copy.name} of the backup holds no record that can be read") from error


def _bring_up_to_date(copy: Path, data_dir: Path) -> None:
    storage = SqliteStorage.open(f"sqlite:///{copy.absolute()}", Vault.open(data_dir))
    try:
        storage.empty_log()  # what is read next is the file alone
    finally:
        storage.close()


def _refuse_foreign(connection: Connection) -> None:
    found = foreign_triggers(connection.exec_driver_sql)
    if found:
        raise BackupError(
            f"the backup's record holds triggers that no record of cookiegate has ({', '.join(found)}): somebody "
            "changed it. Restore another backup"
        )

"""The way on when the only copy of the subject keys is older than the record: what it lacks is lost, and said to be."""

from __future__ import annotations

from pathlib import Path

from cookiegate.clock import Clock
from cookiegate.errors import SettingsError
from cookiegate.rights.restored import erase_unknown, tell_lost
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.copying.rows import newest_key, opened
from cookiegate.storage.opening import open_storage
from cookiegate.storage.places import database_file
from cookiegate.storage.vault import Vault


def count_lost(settings: Settings) -> int:
    """How many subject keys lie beyond the end of the key file, although the record names them or later ones."""
    newest, vault = _newest(settings), Vault.open(settings.data_dir)
    try:
        return max(newest - vault.size(), 0)
    finally:
        vault.close()


def accept_loss(settings: Settings, clock: Clock) -> int:
    """Gives lost keys up: their people's payloads are emptied, the ledger says why, their numbers never come back.

    No service may run meanwhile. Repeating it does no harm, and goes on where a crash cut it off.

    Returns:
        How many keys were lost.

    Raises:
        KeyFileError: the key file cannot be used.
        StorageError: not all were noted; a retry is safe.
    """
    mark_lost(settings.data_dir, _newest(settings))
    storage = open_storage(settings)
    try:
        return tell_of_loss(storage, clock)
    finally:
        storage.close()


def mark_lost(data_dir: Path, newest_key: int) -> None:
    """Fills the places of lost keys up to ``newest_key`` with nothing, so that their numbers are not given out."""
    vault = Vault.open(data_dir)
    try:
        vault.destroy(range(vault.size() + 1, newest_key + 1))
    finally:
        vault.close()


def tell_of_loss(storage: Storage, clock: Clock) -> int:
    """Erases, with a ledger entry ``loss``, whoever's key is gone without the record knowing."""
    return erase_unknown(storage, clock, tell_lost)


def _newest(settings: Settings) -> int:
    file = database_file(settings)
    if file is not None and not file.exists():
        raise SettingsError(f"there is no record at {file}; is its disk mounted?")
    with opened(settings) as connection:
        return newest_key(connection)

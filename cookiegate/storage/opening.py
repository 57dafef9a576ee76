"""``open_storage`` is the only constructor that the rest of the house calls."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cookiegate.errors import SettingsError
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.vault import Vault

ENGINES: dict[str, Callable[[str, Vault], Storage]] = {"sqlite": SqliteStorage.open}


def open_storage(settings: Settings) -> Storage:
    """Opens the record, migrating it to this version's schema first.

    Args:
        settings: ``database_url`` names the engine; unset means SQLite in the data folder. The subject keys always lie
            in the data folder.

    Raises:
        SettingsError: the URI is unusable, its engine is not known, or its SQLite build is unsafe.
        KeyFileError: the subject keys cannot be used, or are older than the record.
    """
    uri = settings.database_url or f"sqlite:///{settings.data_dir.absolute() / 'cookiegate.db'}"
    try:
        scheme = make_url(uri).get_backend_name()
    except ArgumentError as error:
        raise SettingsError(
            "COOKIEGATE_DATABASE_URL is not a database URI such as sqlite:////var/lib/cookiegate/cookiegate.db"
        ) from error
    if scheme not in ENGINES:
        raise SettingsError(f"COOKIEGATE_DATABASE_URL: no engine for {scheme}; known: {', '.join(sorted(ENGINES))}")
    return ENGINES[scheme](uri, Vault.open(settings.data_dir))

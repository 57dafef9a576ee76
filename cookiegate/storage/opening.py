"""``open_storage`` is the only constructor that the rest of the house calls."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from cookiegate.errors import SettingsError
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.patience import Patience
from cookiegate.storage.places import record_uri
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.vault import Vault


def _open_postgres(uri: str, vault: Vault, patience: Patience) -> Storage:
    if importlib.util.find_spec("psycopg") is None or importlib.util.find_spec("psycopg_pool") is None:
        raise SettingsError(
            'COOKIEGATE_DATABASE_URL names PostgreSQL, and its driver is not here: pip install "cookiegate[postgres]"'
        )
    from cookiegate.storage.postgres import PostgresStorage  # noqa: PLC0415  an extra, not in every installation

    return PostgresStorage.open(uri, vault, patience=patience)


def _open_sqlite(uri: str, vault: Vault, patience: Patience) -> Storage:
    return SqliteStorage.open(uri, vault, patience=patience)


ENGINES: dict[str, Callable[[str, Vault, Patience], Storage]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgres,
    "postgresql+psycopg": _open_postgres,
}


def open_storage(settings: Settings, patience: Patience | None = None) -> Storage:
    """Opens the record, migrating it to this version's schema first.

    Args:
        settings: ``database_url`` names the engine; unset means SQLite in the data folder. The subject keys always lie
            in the data folder.
        patience: of the threads that wait for it, where they also wait for something else.

    Raises:
        SettingsError: the URI is unusable, its engine is not known, or its server or build is unsafe.
        KeyFileError: the subject keys cannot be used, or are older than the record.
        StorageError: the record cannot be reached now.
    """
    uri = record_uri(settings)
    scheme, found, _ = uri.partition("://")
    if not found:
        raise SettingsError(
            "COOKIEGATE_DATABASE_URL is not a database URI such as sqlite:////var/lib/cookiegate/cookiegate.db or "
            "postgresql://user:password@host/database"
        )
    if scheme not in ENGINES:
        raise SettingsError(f"COOKIEGATE_DATABASE_URL: no engine for {scheme}; known: {', '.join(sorted(ENGINES))}")
    vault = Vault.open(settings.data_dir)
    try:
        return ENGINES[scheme](uri, vault, patience or Patience(settings.threads))
    except BaseException:
        vault.close()
        raise


def refuse_lost(storage: Storage) -> None:
    """Stops a start on an empty record that was not always empty: it would go on under the same keys as another.

    Raises:
        SettingsError: no policy was ever published there, although people have keys.
    """
    path = storage.vault.path
    if storage.vault.size() and not storage.policies.sites():
        raise SettingsError(
            f"the record is empty, but {path} holds people's keys: COOKIEGATE_DATABASE_URL names another "
            "database, a disk is not mounted, or the record is lost. Bring it back with `cookiegate restore`. To begin "
            f"with nothing, move {path.parent.parent} away, and keep it: without its keys no backup can be read"
        )

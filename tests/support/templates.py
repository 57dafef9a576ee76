"""Empty records that are migrated already: copying a file is quicker than migrating for every test."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from cookiegate.settings import Settings
from cookiegate.storage.places import DATABASE_FILE
from cookiegate.storage.sqlite import engine_of, migrate_file


def lay_record(settings: Settings) -> Settings:
    """Puts an empty, migrated record where SQLite's is to be, if there is none yet; returns the same settings.

    On PostgreSQL, :mod:`support.postgres` gives each folder a copy of a migrated database.
    """
    file = settings.data_dir / DATABASE_FILE
    if settings.database_url is None and not file.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(_migrated(), file)
    return settings


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cookiegate-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / DATABASE_FILE
    file.touch(0o600)
    engine = engine_of(f"sqlite:///{file}")
    migrate_file(engine)
    engine.dispose()
    return file

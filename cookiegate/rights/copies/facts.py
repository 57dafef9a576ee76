"""What a copy of a record holds, as its manifest says it."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from cookiegate.errors import BackupError
from cookiegate.rights.copies.manifest import MANIFEST, LedgerFacts, Manifest
from cookiegate.storage.copying.embedded import file_engine, reason_of
from cookiegate.storage.copying.rows import count_rows, newest_key
from cookiegate.storage.revisions import newest_revision, revision_of
from cookiegate.storage.tables import checkpoints, unsealed
from cookiegate.storage.tables_retention import erased_keys


class CopyFacts:
    """Reads the facts of a finished copy; not a byte of it changes. A context manager.

    Args:
        path: the copy's file.
    """

    def __init__(self, path: Path) -> None:
        self._connection = file_engine(path).connect()

    def __enter__(self) -> CopyFacts:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    @property
    def schema(self) -> str | None:
        """Its revision; None where there is no record."""
        return revision_of(self._connection)

    def ledger(self) -> LedgerFacts:
        """Its sealed ledger."""
        columns = (checkpoints.c.size, checkpoints.c.root, checkpoints.c.note)
        newest: Any = self._connection.execute(sa.select(*columns).order_by(checkpoints.c.size.desc())).first()
        waiting = self._connection.scalar(sa.select(sa.func.count()).select_from(unsealed)) or 0
        if newest is None:
            return LedgerFacts(0, None, None, waiting)
        return LedgerFacts(newest.size, b64encode(newest.root).decode(), newest.note, waiting)

    def rows(self) -> dict[str, Any]:
        """The rest: the newest subject key, how far erasures had come, and the rows of each table, by their names."""
        newest = self._connection.scalar(sa.select(sa.func.max(erased_keys.c.sequence)))
        return {
            "newest_key": newest_key(self._connection),
            "erased_mark": newest or 0,
            "counts": count_rows(self._connection),
        }


def refuse_other_facts(path: Path, folder: Path, manifest: Manifest) -> None:
    """Compares a copy with what its manifest says of it.

    Args:
        path: the copy.
        folder: the backup, for the message.
        manifest: what it must hold.

    Raises:
        BackupError: naming the first thing that differs.
    """
    try:
        with CopyFacts(path) as facts:
            found: dict[str, Any] = {"schema": facts.schema, "ledger": facts.ledger()}
            if found["schema"] == newest_revision():  # that of an older version has not all tables and columns yet
                found |= facts.rows()
    except (sa.exc.SQLAlchemyError, TypeError, ValueError) as error:  # a value may be of any kind there
        raise BackupError(f"{path.name} of {folder} cannot be read ({reason_of(error)}): use another backup") from error
    for name, value in found.items():
        said = getattr(manifest, name)
        if said != value:
            raise BackupError(f"{folder / MANIFEST} is not that of its record: {_difference(name, said, value)}")


def _difference(name: str, said: Any, found: Any) -> str:
    if isinstance(said, LedgerFacts) and said.size != found.size:
        return f"it tells of {said.size:,} sealed entries, the record has {found.size:,}. Use another backup"
    return f"{name} differs. Use another backup"

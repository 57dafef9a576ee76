"""What every engine reads in the same words: the committed record, and the keys that are queued for shredding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from cookiegate.errors import KeyFileError
from cookiegate.storage import tables
from cookiegate.storage.contract import (
    ConsentRow,
    DecisionRow,
    EntryRow,
    Record,
    Revocation,
    StatusSlot,
    WriteTransaction,
    first_id,
)
from cookiegate.storage.sealed_rows import (
    CONSENT_COLUMNS,
    DECISION_COLUMNS,
    ENTRY_COLUMNS,
    consent_from_columns,
    decision_from_columns,
    entry_from_columns,
)
from cookiegate.storage.tables_all import metadata
from cookiegate.storage.vault import Vault

T = TypeVar("T")

#: Keys destroyed at once; a statement takes only so many values.
SHRED_MAX = 10_000
#: Rows of a table that tell its highest key: keys are given out in rising blocks, a block a process.
NEWEST_ROWS = 10_000
#: Tables of keys that are gone: a key file that never had them lacks nothing.
ERASED_LISTS = ("erased_keys", "erasures", "shreds")

_DECISION = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decisions"  # noqa: S608  our own names
_CONSENT = f"SELECT {', '.join(CONSENT_COLUMNS)} FROM consents"  # noqa: S608  our own names
_ENTRY = f"SELECT {', '.join(ENTRY_COLUMNS)} FROM entries"  # noqa: S608  our own names
_REVOCATION = "SELECT sequence, status_list, status_index, site, sub, epoch, revoked_at_ms FROM revocations"


class RecordReading(ABC):
    """The reading half of a :class:`~cookiegate.storage.contract.Storage`.

    Args:
        vault: the subject keys.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def vault(self) -> Vault:
        """The subject keys."""
        return self._vault

    @abstractmethod
    def _read(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        """The rows of a query on the committed record; a ``?`` stands for each value."""

    @abstractmethod
    def read(self, statement: sa.Select[Any]) -> list[Record]:
        """Runs a SQLAlchemy Core query on the committed record."""

    @abstractmethod
    def write(self, work: Callable[[WriteTransaction], T], *, side_by_side: bool = False) -> T:
        """Runs ``work`` and returns its result once it is durable; see the contract."""

    def find_consent(self, site: str, handle_hash: bytes) -> ConsentRow | None:
        """The committed consent of a handle."""
        rows = self._read(f"{_CONSENT} WHERE site = ? AND handle_hash = ?", (site, handle_hash))
        return consent_from_columns(self._vault, rows[0]) if rows else None

    def count_decisions(self, site: str) -> int:
        """How many decisions a site has."""
        return int(self._read("SELECT count(*) FROM decisions WHERE site = ?", (site,))[0][0])

    def decisions(self, site: str) -> list[DecisionRow]:
        """Every decision of a site in order of id."""
        return self._decisions(f"{_DECISION} WHERE site = ? ORDER BY id", (site,))

    def decision(self, decision_id: str) -> DecisionRow | None:
        """One decision."""
        found = self._decisions(f"{_DECISION} WHERE id = ?", (decision_id,))
        return found[0] if found else None

    def decisions_of_key(self, key_id: int) -> list[DecisionRow]:
        """Every decision under a subject key, in order of id."""
        return self._decisions(f"{_DECISION} WHERE key_id = ? ORDER BY id", (key_id,))

    def decisions_between(
        self, from_ms: int, to_ms: int, *, site: str | None = None, after: str = "", limit: int = 1_000
    ) -> list[DecisionRow]:
        """A page of the decisions of a time; see the contract."""
        # Ids tell their time (UUIDv7), so the primary key finds the range.
        return self._decisions(
            f"{_DECISION} WHERE id >= ? AND id < ? AND id > ? AND (CAST(? AS TEXT) IS NULL OR site = ?) "
            "ORDER BY id LIMIT ?",
            (first_id(from_ms), first_id(to_ms), after, site, site, limit),
        )

    def _decisions(self, query: str, values: tuple[Any, ...]) -> list[DecisionRow]:
        return [decision_from_columns(self._vault, row) for row in self._read(query, values)]

    def consents_of_key(self, key_id: int) -> list[ConsentRow]:
        """The consents under a subject key."""
        rows = self._read(f"{_CONSENT} WHERE key_id = ?", (key_id,))
        return [row for row in (consent_from_columns(self._vault, columns) for columns in rows) if row]

    def entry(self, entry_id: str) -> EntryRow | None:
        """One ledger entry that is not a decision."""
        rows = self._read(f"{_ENTRY} WHERE id = ?", (entry_id,))
        return entry_from_columns(self._vault, rows[0]) if rows else None

    def entries(self, *, kind: str | None = None, site: str | None = None) -> list[EntryRow]:
        """The ledger entries that are not decisions, in order of id."""
        query = (
            f"{_ENTRY} WHERE (CAST(? AS TEXT) IS NULL OR kind = ?) AND (CAST(? AS TEXT) IS NULL OR site = ?) "
            "ORDER BY id"
        )
        return [entry_from_columns(self._vault, row) for row in self._read(query, (kind, kind, site, site))]

    def status_lists(self) -> list[tuple[int, int]]:
        """Every status list as (id, size)."""
        return [(row[0], row[1]) for row in self._read("SELECT id, size FROM status_lists ORDER BY id", ())]

    def artifact(self, sha256: str) -> bytes | None:
        """A kept file."""
        rows = self._read("SELECT body FROM artifacts WHERE sha256 = ?", (sha256,))
        return rows[0][0] if rows else None

    def revocation(self, sequence: int) -> Revocation | None:
        """One revocation."""
        rows = self._read(f"{_REVOCATION} WHERE sequence = ?", (sequence,))
        return _revocation(rows[0]) if rows else None

    def _revocations_between(self, after: int, through: int, limit: int) -> list[Revocation]:
        query = f"{_REVOCATION} WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"
        return [_revocation(row) for row in self._read(query, (after, through, limit))]

    def shred(self) -> int:
        """Destroys the subject keys that are queued for it."""
        mark = self._read("SELECT max(sequence) FROM erased_keys", ())[0][0] or 0
        count = 0
        while key_ids := [row[0] for row in self._read("SELECT key_id FROM shreds LIMIT ?", (SHRED_MAX,))]:
            # Whatever was erased up to the mark is destroyed with the last of these, or was before.
            self._vault.destroy(key_ids, max(mark, self._vault.mark) if len(key_ids) < SHRED_MAX else None)
            done = sa.delete(tables.shreds).where(tables.shreds.c.key_id.in_(key_ids))
            self.write(partial(_execute, done))
            count += len(key_ids)
        return count

    def _refuse_older_keys(self) -> None:
        """Stops the start with a key file that is older than the record: it would give a number to someone else.

        Raises:
            KeyFileError: some table names a key that the file does not have.
        """
        keyed = [table for table in metadata.tables.values() if "key_id" in table.c and table.name not in ERASED_LISTS]
        queries = (
            f"SELECT max(key_id) FROM (SELECT key_id FROM {table.name} "  # noqa: S608  our own names
            f"ORDER BY {table.primary_key.columns[0].name} DESC LIMIT {NEWEST_ROWS}) AS newest"
            for table in keyed
        )
        newest = max(self._read(query, ())[0][0] or 0 for query in queries)
        if newest > self._vault.size():
            raise KeyFileError(
                f"{self._vault.path} is older than the record: restore the newest copy of the subject keys",
                key_id=newest,
            )


def _revocation(row: Any) -> Revocation:
    return Revocation(row[0], StatusSlot(row[1], row[2]), row[3], row[4], row[5], row[6])


def _execute(statement: sa.Executable, transaction: WriteTransaction) -> None:
    transaction.execute(statement)

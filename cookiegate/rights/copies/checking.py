"""Verifying a copy of a record as if it were the record itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.database_source import PIECE, UNSEALED_LIMIT, DatabaseSource, Span
from cookiegate.ledger.examining import Batch
from cookiegate.ledger.rows import LedgerRow, load_sealed, load_unsealed
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.stored import last_checkpoint
from cookiegate.ledger.verification import Verified
from cookiegate.ledger.verifying import Progress, verify
from cookiegate.storage.contract import Storage
from cookiegate.storage.copying.embedded import CopyStorage
from cookiegate.storage.tables_retention import erased_keys
from cookiegate.storage.vault import Vault

#: Below this one process is done before a second one has started.
FEW_ENTRIES = 20_000
PROCESSES = 2


class CopySource(DatabaseSource):
    """A copy's ledger. People who were erased after it was made are taken as erased, if the record tells of it.

    Args:
        copy: the copy.
        erased_since: their subject keys.
        record: where to look for what was told since; None when there is nothing but the copy.
        reopen: gives the same copy to another process.
    """

    def __init__(
        self,
        copy: Storage,
        erased_since: frozenset[int] = frozenset(),
        record: Storage | None = None,
        reopen: Callable[[], DatabaseSource] | None = None,
    ) -> None:
        super().__init__(copy, reopen)
        self.erased_since = erased_since
        self._record = record
        self.at_ms = 0  # what waited to be sealed when the copy was made waits there for ever

    def load(self, piece: Span) -> Batch:
        """The entries of a piece."""
        return self._erased(super().load(piece))

    def waiting(self) -> Batch:
        """The entries that waited to be sealed."""
        return self._erased(super().waiting())

    def later(self) -> Iterator[LedgerRow]:
        """What the record itself has beyond the copy."""
        if self._record is None:
            return
        newest = last_checkpoint(self._record)
        for first in range(self.size, newest.size if newest else 0, PIECE):
            yield from load_sealed(self._record, first, first + PIECE)
        yield from (row for _, row in load_unsealed(self._record, UNSEALED_LIMIT))

    def _erased(self, batch: Batch) -> Batch:
        for row in batch.rows:
            if row.state == "key_gone" and row.key_id in self.erased_since:
                row.state = "erased"
        return batch


def verify_copy(
    path: Path,
    data_dir: Path,
    verifier: NoteVerifier,
    *,
    now_ms: int,
    record: Storage | None = None,
    saved: Sequence[tuple[str, Checkpoint]] = (),
    progress: Progress | None = None,
) -> Verified:
    """Derives the whole ledger again from a copy.

    Args:
        path: the copy's file; not a byte of it changes.
        data_dir: where the subject keys lie.
        verifier: the ledger's key.
        now_ms: the time.
        record: the record that it is a copy of, if that is there.
        saved: checkpoints that somebody kept elsewhere, each with its name.
        progress: told how many entries more were done.

    Raises:
        StorageError: it cannot be read.
    """
    copy = CopyStorage(path, Vault.open(data_dir))
    try:
        since = _erased_since(copy, record) if record is not None else frozenset[int]()
        source = CopySource(copy, since, record, partial(_reopen, path, data_dir, since))
        processes = PROCESSES if source.size > FEW_ENTRIES else 1
        return verify(source, verifier, now_ms=now_ms, saved=saved, processes=processes, progress=progress)
    finally:
        copy.close()


def _reopen(path: Path, data_dir: Path, since: frozenset[int]) -> DatabaseSource:
    return CopySource(CopyStorage(path, Vault.open(data_dir)), since)


def _erased_since(copy: Storage, record: Storage) -> frozenset[int]:
    newest = sa.select(sa.func.coalesce(sa.func.max(erased_keys.c.sequence), 0).label("newest"))
    after = copy.read(newest)[0]["newest"]
    query = sa.select(erased_keys.c.key_id).where(erased_keys.c.sequence > after)
    return frozenset(row["key_id"] for row in record.read(query))

"""Writing an export: the whole ledger as lines of JSON that can be verified without the database."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import sqlalchemy as sa

from cookiegate.clock import rfc3339
from cookiegate.errors import SourceUnreadableError
from cookiegate.ledger.database_source import PIECE, UNSEALED_LIMIT, DatabaseSource, Span
from cookiegate.ledger.examining import ERASING
from cookiegate.ledger.export_lines import (
    FORMAT,
    VERSION,
    ArtifactLine,
    CheckpointLine,
    FooterLine,
    HeaderLine,
    Line,
    NoticeLine,
    PolicyLine,
    embed,
    encode_line,
    entry_line,
)
from cookiegate.ledger.rows import LedgerRow, load_unsealed
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.stored import last_checkpoint, position_of
from cookiegate.storage.contract import Record, Storage
from cookiegate.storage.tables import artifacts, notices, policies

#: An export follows a ledger that grows meanwhile at most so often.
PASSES = 5
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Exporter:
    """Writes one export.

    Args:
        storage: the record; it may be in use meanwhile.
        out: takes the bytes.
        site: whose entries are written whole; None for all. Of others only the leaves are written, so that the tree
            still verifies.
        progress: told how many entries were written, again and again.
    """

    def __init__(
        self,
        storage: Storage,
        out: BinaryIO,
        *,
        site: str | None = None,
        progress: Callable[[int], object] = lambda count: None,
    ) -> None:
        self._storage = storage
        self._source = DatabaseSource(storage)
        self._out = out
        self._site = site
        self._progress = progress
        self._digest = hashlib.sha256()
        self._gone: set[int | None] = set()
        self._erased: set[int | None] = set()
        self.counts: Counter[str] = Counter()

    @property
    def size(self) -> int:
        """How many entries were sealed when this began."""
        return self._source.size

    def run(self, verifier: NoteVerifier, jwks: Mapping[str, Any], at_ms: int) -> None:
        """Writes everything, from the header to the footer.

        Args:
            verifier: the ledger's key.
            jwks: the keys that receipts are checked with.
            at_ms: the time.
        """
        self._put(
            HeaderLine(
                FORMAT,
                VERSION,
                verifier.name,
                verifier.vkey,
                dict(jwks),
                at_ms,
                rfc3339(at_ms),
                self._source.size,
                self._site,
            )
        )
        self._put_documents()
        self._put_ledger()
        self._put(FooterLine(dict(self.counts), self._digest.hexdigest()))

    def _put(self, line: Line) -> None:
        data = encode_line(line) + b"\n"
        self._digest.update(data)
        self._out.write(data)
        self.counts[str(line.__struct_config__.tag)] += 1

    def _put_documents(self) -> None:
        for row in self._rows(policies, policies.c.revision):
            facts = {name: row[name] for name in ("site", "version", "sha256", "holds_since", "published_at_ms")}
            self._put(PolicyLine(document=embed(row["document"]), asks_again=bool(row["asks_again"]), **facts))
        for row in self._rows(notices, notices.c.sha256):
            self._put(NoticeLine(**{**row, "body": embed(row["body"])}))
        for row in self._rows(artifacts, artifacts.c.sha256):
            self._put(ArtifactLine(**row))

    def _rows(self, table: sa.Table, key: sa.Column[Any]) -> Iterator[Record]:
        """The rows of a table one by one, of the chosen site."""
        query = sa.select(table).order_by(key).limit(1)
        if self._site is not None:
            query = query.where(table.c.site == self._site)
        rows = self._storage.read(query)
        while rows:
            yield rows[0]
            rows = self._storage.read(query.where(key > rows[0][key.name]))

    def _put_ledger(self) -> None:
        """Entries and checkpoints in ledger order, then what waits to be sealed.

        Somebody may be erased while this runs. The entry that tells of it must then be in the export too, so the new
        end of the ledger is read until nothing is unaccounted for.
        """
        written, waiting = 0, []
        for _ in range(PASSES):
            waiting = [row for _, row in load_unsealed(self._storage, UNSEALED_LIMIT)]
            newest = last_checkpoint(self._storage)
            size = newest.size if newest else 0
            self._put_span(Span(written, size))
            written = size
            told = set().union(*(_erased_keys(row) for row in waiting)) | self._erased
            if self._gone <= told:
                break
        for row in waiting:
            index = position_of(self._storage, row.id)
            if (index is None or index >= written) and not self._is_withheld(row):
                self._put_entry(row)

    def _put_span(self, span: Span) -> None:
        for first in range(span.first, span.stop, PIECE):
            batch = self._source.load(Span(first, min(first + PIECE, span.stop)))
            noted = iter(batch.checkpoints)
            following = next(noted, None)
            for row in batch.rows:
                self._put_entry(row)
                while following is not None and row.position is not None and following.size <= row.position + 1:
                    root, note = following.root.hex(), following.note
                    self._put(CheckpointLine(following.size, root, note, following.sealed_at_ms))
                    following = next(noted, None)
            self._progress(len(batch.rows))

    def _put_entry(self, row: LedgerRow) -> None:
        self._put(entry_line(row, withheld=self._is_withheld(row)))
        self._erased |= _erased_keys(row)
        if row.state == "erased":
            self._gone.add(row.key_id)

    def _is_withheld(self, row: LedgerRow) -> bool:
        return self._site is not None and row.site not in (None, self._site)


def _erased_keys(row: LedgerRow) -> set[int | None]:
    if row.kind not in ERASING or row.state != "whole":
        return set()
    try:
        return set(_decode(row.record).get("erased_keys", ()))
    except (msgspec.MsgspecError, TypeError):
        return set()


@contextmanager
def export_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all, readable by its owner only; compressed if its name ends in ``.gz``.

    Raises:
        SourceUnreadableError: it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SourceUnreadableError(f"cannot write to {path.parent} ({error.strerror})") from error
    try:
        with os.fdopen(handle, "wb") as file:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise SourceUnreadableError(f"cannot write {path} ({error.strerror})") from error
    finally:
        Path(temporary).unlink(missing_ok=True)

"""The ledger as an export holds it, for verification without the database."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import msgspec

from cookiegate.errors import SourceUnreadableError
from cookiegate.ledger.documents_check import check_documents
from cookiegate.ledger.examining import Batch, Known
from cookiegate.ledger.export_lines import (
    FORMAT,
    VERSION,
    ArtifactLine,
    CheckpointLine,
    EntryLine,
    FooterLine,
    HeaderLine,
    NoticeLine,
    PolicyLine,
    decode_line,
    encode_line,
)
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.frontier import Tiles
from cookiegate.ledger.rows import LedgerRow
from cookiegate.ledger.stored import StoredCheckpoint
from cookiegate.storage.contract import NoticeRow, PolicyRow

#: Lines of one piece.
PIECE_LINES = 4_096
LINE_LIMIT_BYTES = 134_217_728
_GZIP_MAGIC = b"\x1f\x8b"
_DOCUMENTS = (PolicyLine, NoticeLine, ArtifactLine)

#: Number of the first line, and the lines.
Piece = tuple[int, list[bytes]]


class LineLoader:
    """Reads pieces of an export; needs no file, so that any process can."""

    def load(self, piece: Piece) -> Batch:
        """The entries and checkpoints of some lines."""
        first, lines = piece
        batch = Batch([])
        for number, line in enumerate(lines, first):
            try:
                found = decode_line(line)
                if isinstance(found, EntryLine):
                    batch.rows.append(found.row())
                elif isinstance(found, CheckpointLine):
                    root = bytes.fromhex(found.root)
                    batch.checkpoints.append(StoredCheckpoint(found.size, root, found.note, found.sealed_at_ms))
                else:
                    batch.findings.add("export_garbled", f"line {number}", "a line of this type does not belong here")
            except (msgspec.MsgspecError, ValueError, RecursionError):
                batch.findings.add("export_garbled", f"line {number}", "it cannot be read")
        return batch


class ExportSource(LineLoader):
    """Reads an export once, from its first line to its last.

    Args:
        file: the export, compressed or not.

    Raises:
        SourceUnreadableError: it does not begin as an export does.
    """

    def __init__(self, file: BinaryIO) -> None:
        magic = file.read(2)
        file.seek(0)
        self._file: Any = gzip.GzipFile(fileobj=file) if magic == _GZIP_MAGIC else file
        self._digest = hashlib.sha256()
        self._counts: Counter[str] = Counter()
        self._number = 0
        self._held: bytes | None = None
        self._footer: FooterLine | None = None
        self.header = self._read_header()
        self.total: int | None = self.header.entries
        self.at_ms: int | None = self.header.exported_at_ms
        self.keeps_tree = False
        self.reopen: Callable[[], Any] | None = LineLoader

    def known(self, found: Findings) -> Known:
        """Checks the documents, which come first, and tells what decisions may point at."""
        policies: list[PolicyRow] = []
        notices: list[NoticeRow] = []
        artifacts: list[tuple[str, bytes]] = []
        while (line := self._next()) is not None:
            parsed = _read(line)
            if not isinstance(parsed, _DOCUMENTS):
                self._held = line
                break
            _sort(parsed, policies, notices, artifacts)
        return check_documents(sorted(policies, key=lambda row: (row.site, row.version)), notices, artifacts, found)

    def pieces(self) -> Iterator[Piece]:
        """The lines of the ledger."""
        lines: list[bytes] = []
        while (line := self._next()) is not None:
            lines.append(line)
            if len(lines) == PIECE_LINES:
                yield self._number - len(lines) + 1, lines
                lines = []
        if lines:
            yield self._number - len(lines) + 1, lines

    def check_tiles(self, expected: Tiles, found: Findings) -> None:
        """An export keeps no tree: it is computed from the leaves."""

    def waiting(self) -> Batch:
        """Entries that wait come among the others."""
        return Batch([])

    def later(self) -> Iterator[LedgerRow]:
        """Nothing comes after an export."""
        return iter(())

    def finish(self, found: Findings) -> None:
        """Compares the whole file with its footer."""
        footer = self._footer
        if footer is None:
            found.add("export_cut", f"line {self._number}", "the file ends without its footer")
        elif footer.sha256 != self._digest.hexdigest() or footer.counts != dict(self._counts) or self._readline():
            found.add("export_changed", "footer", "the lines do not fit its digest and counts")

    def _read_header(self) -> HeaderLine:
        header = _read(self._next() or b"")
        if not isinstance(header, HeaderLine) or (header.format, header.version) != (FORMAT, VERSION):
            raise SourceUnreadableError("this is no export of a ledger that this program can read")
        return header

    def _next(self) -> bytes | None:
        """The next line before the footer."""
        if self._held is not None:
            line, self._held = self._held, None
            return line
        if self._footer is not None:
            return None
        line = self._readline()
        if not line:
            return None
        self._number += 1
        footer = _read(line) if b'"footer"' in line[:64] else None
        if isinstance(footer, FooterLine) and encode_line(footer) + b"\n" == line:
            self._footer = footer
            return None
        self._digest.update(line)
        self._counts[_type_of(line)] += 1
        return line

    def _readline(self) -> bytes:
        try:
            return bytes(self._file.readline(LINE_LIMIT_BYTES))
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise SourceUnreadableError("the export cannot be read to its end: it is cut or garbled") from error


class _Typed(msgspec.Struct):
    type: str = ""


_typed = msgspec.json.Decoder(_Typed).decode


def _type_of(line: bytes) -> str:
    try:
        return _typed(line).type
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def _read(line: bytes) -> Any:
    try:
        return decode_line(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _sort(
    line: PolicyLine | NoticeLine | ArtifactLine,
    policies: list[PolicyRow],
    notices: list[NoticeRow],
    artifacts: list[tuple[str, bytes]],
) -> None:
    if isinstance(line, PolicyLine):
        policies.append(
            PolicyRow(
                line.site,
                line.version,
                line.sha256,
                bytes(line.document),
                line.asks_again,
                line.holds_since,
                line.published_at_ms,
            )
        )
    elif isinstance(line, NoticeLine):
        notices.append(NoticeRow(line.sha256, line.site, line.version, line.locale, bytes(line.body)))
    else:
        artifacts.append((line.sha256, line.body))

"""The lines of an export: one JSON object a line, told apart by ``type``; see ``docs/reference/ledger.md``."""

from __future__ import annotations

from typing import Any

import msgspec

from cookiegate.ledger.rows import LedgerRow, State

FORMAT = "cookiegate-ledger"
VERSION = 1
#: A record in JSON, byte for byte as its leaf was made.
NOTHING = msgspec.Raw(b"null")


class Line(msgspec.Struct, tag_field="type", omit_defaults=True, frozen=True):
    """Any line."""


class HeaderLine(Line, tag="header", frozen=True):
    """What this is: the log's name and keys, when it was written, and for which site if not for all."""

    format: str
    version: int
    origin: str
    vkey: str
    jwks: dict[str, Any]
    exported_at_ms: int
    exported_at: str
    entries: int
    site: str | None = None


class PolicyLine(Line, tag="policy", frozen=True):
    """A published version."""

    site: str
    version: int
    sha256: str
    document: msgspec.Raw
    asks_again: bool
    holds_since: int
    published_at_ms: int


class NoticeLine(Line, tag="notice", frozen=True):
    """A published notice; the digest is over ``body`` as it stands here."""

    sha256: str
    site: str
    version: int
    locale: str
    body: msgspec.Raw


class ArtifactLine(Line, tag="artifact", frozen=True):
    """A file that visitors were served, in base64."""

    sha256: str
    site: str
    name: str
    body: bytes


class EntryLine(Line, tag="entry", frozen=True):
    """An entry. Without ``position`` it waits to be sealed; ``withheld`` ones have position and leaf alone."""

    leaf: str
    position: int | None = None
    id: str = ""
    kind: str = ""
    site: str | None = None
    key_id: int | None = None
    epoch: int | None = None
    at_ms: int = 0
    state: State = "whole"
    salt: bytes = b""
    record: msgspec.Raw = NOTHING

    def row(self) -> LedgerRow:
        """The entry as it is verified.

        Raises:
            ValueError: the leaf is no hex text.
        """
        record = bytes(self.record) if self.state == "whole" else b""
        return LedgerRow(
            position=self.position,
            id=self.id,
            kind=self.kind,
            site=self.site,
            key_id=self.key_id,
            sub="",  # nothing beside the record says whose it is
            epoch=self.epoch,
            at_ms=self.at_ms,
            record=record,
            salt=self.salt,
            leaf=bytes.fromhex(self.leaf),
            state=self.state,
        )


class CheckpointLine(Line, tag="checkpoint", frozen=True):
    """A kept checkpoint; it follows the last entry of its tree."""

    size: int
    root: str
    note: str
    sealed_at_ms: int


class FooterLine(Line, tag="footer", frozen=True):
    """The end: how many lines of each type came before, and the SHA-256 of their bytes."""

    counts: dict[str, int]
    sha256: str


ExportLine = HeaderLine | PolicyLine | NoticeLine | ArtifactLine | EntryLine | CheckpointLine | FooterLine
encode_line = msgspec.json.Encoder().encode
decode_line = msgspec.json.Decoder(ExportLine).decode


def embed(document: bytes) -> msgspec.Raw:
    """JSON as part of a line; null for what is none, which then does not fit its digest."""
    try:
        msgspec.json.decode(document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return NOTHING
    return NOTHING if b"\n" in document or b"\r" in document else msgspec.Raw(document)


def entry_line(row: LedgerRow, *, withheld: bool) -> EntryLine:
    """The line of an entry."""
    leaf = row.leaf.hex()
    if withheld:
        return EntryLine(leaf, row.position, state="withheld")
    record, state = embed(row.record), row.state
    if state == "whole" and record is NOTHING:
        state = "damaged"
    return EntryLine(
        leaf, row.position, row.id, row.kind, row.site, row.key_id, row.epoch, row.at_ms, state,
        row.salt if state == "whole" else b"", record if state == "whole" else NOTHING,
    )  # fmt: skip

"""The one form in which ledger entries are sealed, verified and exported, wherever they were read from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from cookiegate.errors import RecordDamagedError
from cookiegate.storage.contract import EntryRow, Record, Storage
from cookiegate.storage.sealed_rows import Opener, entry_from_columns, open_decision
from cookiegate.storage.tables import decisions, entries, positions, unsealed

DECISION = "decision"
#: ``kind`` in ``unsealed`` and ``positions``.
DECISION_KIND, ENTRY_KIND = 0, 1

#: ``whole``: the payload is there. ``erased``: it was emptied. ``key_gone``: it is there, but its key was destroyed.
#: ``damaged``: it does not open. ``missing``: there is no such row. ``withheld``: an export left out another site's.
State = Literal["whole", "erased", "key_gone", "damaged", "missing", "withheld"]


#: The sealer opens so many rows, then lets the threads that answer visitors have the interpreter for a moment: p99 of a
#: decision while sealing falls from 2.3 to 1.3 times that of one while not, measured.
_SEALED_AT_ONCE = 128
BREATH_S = 0.001
_DAMAGE = (RecordDamagedError, TypeError, ValueError, IndexError)


class LedgerRow(msgspec.Struct):
    """An entry of the ledger. ``position`` is None while it waits to be sealed; ``at_ms`` is when it was recorded."""

    position: int | None
    id: str
    kind: str
    site: str | None
    key_id: int | None
    sub: str | None
    epoch: int | None
    at_ms: int
    record: bytes
    salt: bytes
    leaf: bytes
    state: State

    @property
    def name(self) -> str:
        """What a report calls it."""
        word = f"{self.kind} {self.id}" if self.id else "entry"
        return f"{word} (unsealed)" if self.position is None else f"position {self.position}, {word}"


def load_sealed(storage: Storage, first: int, stop: int) -> list[LedgerRow]:
    """The sealed entries from position ``first`` to before ``stop``, in order; an absent position is left out."""
    inside = positions.c.position.between(first, stop - 1)
    listed = storage.read(sa.select(positions).where(inside).order_by(positions.c.position))

    def query(source: sa.Table, kind: int) -> sa.Select[Any]:
        mine = sa.and_(positions.c.entry_id == source.c.id, positions.c.kind == kind)
        return sa.select(*source.c).join(positions, mine).where(inside)

    rows = _load(storage, listed, query)
    for item, row in zip(listed, rows, strict=True):
        row.position = item["position"]
    return rows


def load_unsealed(storage: Storage, limit: int) -> list[tuple[int, LedgerRow]]:
    """The entries that wait to be sealed, oldest first, each with its sequence; at most ``limit``."""
    settled = unsealed.c.sequence <= storage.settled(unsealed.c.sequence)
    listed = storage.read(sa.select(unsealed).where(settled).order_by(unsealed.c.sequence).limit(limit))
    rows: list[LedgerRow] = []
    for first in range(0, len(listed), _SEALED_AT_ONCE):
        rows += _load_by_id(storage, listed[first : first + _SEALED_AT_ONCE])
        time.sleep(BREATH_S)
    return [(item["sequence"], row) for item, row in zip(listed, rows, strict=True)]


def _load_by_id(storage: Storage, listed: list[Record]) -> list[LedgerRow]:
    # By their ids: another sealer may empty ``unsealed`` between two reads.
    def query(source: sa.Table, kind: int) -> sa.Select[Any]:
        return sa.select(*source.c).where(
            source.c.id.in_([item["entry_id"] for item in listed if item["kind"] == kind])
        )

    return _load(storage, listed, query)


def _load(storage: Storage, listed: list[Record], query: Callable[[sa.Table, int], sa.Select[Any]]) -> list[LedgerRow]:
    """The rows behind a list of entry ids, by one query for each table.

    A payload is emptied before its key is destroyed. So a row whose key went between reading and opening is empty when
    it is read again; only one that somebody tampered with is not.
    """
    found: dict[tuple[int, str], LedgerRow] = {}
    kinds = {item["kind"] for item in listed}
    for kind, source, read in 2 * ((DECISION_KIND, decisions, _decision), (ENTRY_KIND, entries, _entry)):
        mine = [row for (of, _), row in found.items() if of == kind]
        if kind in kinds and (not mine or any(row.state == "key_gone" for row in mine)):
            rows = storage.read(query(source, kind))
            opener = storage.vault.near([row["key_id"] for row in rows if isinstance(row["key_id"], int)])
            for columns in rows:
                found[kind, columns["id"]] = read(opener, columns)
    return [found.get((item["kind"], item["entry_id"])) or _missing(item["entry_id"]) for item in listed]


def _missing(entry_id: str) -> LedgerRow:
    return LedgerRow(None, entry_id, "entry", None, None, None, None, 0, b"", b"", b"", "missing")


def _decision(opener: Opener, columns: Record) -> LedgerRow:
    row_id, key_id, sealed = columns["id"], columns["key_id"], columns["sealed"]
    try:
        sub, salt, record = open_decision(opener, row_id, key_id, sealed)
        state = _state(record, sealed)
    except _DAMAGE:
        sub, salt, record, state = None, b"", b"", "damaged"
    return LedgerRow(
        None, row_id, DECISION, columns["site"], key_id, sub, columns["epoch"], columns["decided_at_ms"],
        record, salt, columns["leaf"], state,
    )  # fmt: skip


def _entry(opener: Opener, columns: Record) -> LedgerRow:
    try:
        row: EntryRow | None = entry_from_columns(opener, tuple(columns.values()))
    except _DAMAGE:
        row = None
    return LedgerRow(
        position=None,
        id=columns["id"],
        kind=columns["kind"],
        site=columns["site"],
        key_id=columns["key_id"],
        sub=None,
        epoch=None,
        at_ms=columns["recorded_at_ms"],
        record=row.record if row else b"",
        salt=row.salt if row else b"",
        leaf=columns["leaf"],
        state=_state(row.record, columns["payload"]) if row else "damaged",
    )


def _state(record: bytes, payload: Any) -> State:
    if record:
        return "whole"
    return "erased" if payload is None else "key_gone"

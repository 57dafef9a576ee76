"""Looking at one batch of entries by itself: payload to leaf, record to row, checkpoint to key.

What needs more than the batch (order, the tree, erasures told of later) is left to ``verification``; so batches can be
examined by several processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from cookiegate.clock import rfc3339
from cookiegate.errors import CookiegateError
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.hashing import canonical, leaf_hash
from cookiegate.ledger.ids import time_of_id
from cookiegate.ledger.rows import DECISION, LedgerRow
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.stored import StoredCheckpoint

#: Stands in the tree for a leaf that is not there, so that those after it keep their places.
NO_LEAF = bytes(32)
ERASING = ("erasure", "disposal", "loss")
#: What strange values in a row or a record end in: texts for numbers, lists for texts, times beyond the calendar.
_STRANGE = (TypeError, ValueError, OverflowError, AttributeError)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Batch:
    """Consecutive entries, and the checkpoints whose trees end with one of them.

    ``findings`` is what was wrong already with how they are stored. Entries without a position wait to be sealed.
    """

    rows: list[LedgerRow]
    checkpoints: list[StoredCheckpoint] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, slots=True)
class Known:
    """What decisions may point at: policy versions by site and notice digest, and digests of kept files."""

    notices: Mapping[tuple[str, str], int]
    artifacts: frozenset[str]


class Gone(NamedTuple):
    """An entry whose payload was emptied."""

    name: str
    kind: str
    key_id: int | None
    position: int | None


class Erasing(NamedTuple):
    """An entry told that a key was destroyed. ``decisions``: how many lay under it, if it says."""

    key_id: int
    position: int | None
    decisions: int | None


@dataclass(slots=True)
class Examined:
    """What a batch told.

    ``places``: position, id and leaf; ``epochs``: name, subject and epoch; ``waiting``: name and time of what is not
    sealed.
    """

    places: list[tuple[int, str, bytes]] = field(default_factory=list)
    waiting: list[tuple[str, int]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    epochs: list[tuple[str, str, int]] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    erasing: list[Erasing] = field(default_factory=list)
    checkpoints: list[tuple[int, bytes]] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


def examine(batch: Batch, known: Known, verifier: NoteVerifier) -> Examined:
    """Everything that can be said of a batch by itself."""
    examined = Examined(findings=batch.findings)
    for row in batch.rows:
        try:
            _examine_row(row, known, examined)
        except _STRANGE:
            examined.findings.add("record_malformed", row.name, "it holds values of kinds that are never written")
    for checkpoint in batch.checkpoints:
        try:
            checkpoint.check(verifier)
        except CookiegateError as error:
            examined.findings.add("checkpoint_invalid", f"checkpoint {checkpoint.size}", error.detail)
        examined.checkpoints.append((checkpoint.size, checkpoint.root))
    return examined


def _examine_row(row: LedgerRow, known: Known, examined: Examined) -> None:
    if row.position is None:
        examined.waiting.append((row.name, row.at_ms))
    else:
        examined.places.append((row.position, row.id, row.leaf if len(row.leaf) == len(NO_LEAF) else NO_LEAF))
        kind = "withheld" if row.state == "withheld" else row.kind
        examined.kinds[kind] = examined.kinds.get(kind, 0) + 1
    findings = examined.findings
    if row.state == "whole":
        _examine_payload(row, known, examined)
    elif row.state == "erased":
        examined.gone.append(Gone(row.name, row.kind, row.key_id, row.position))
    elif row.state == "key_gone":
        findings.add("key_gone", row.name, f"its payload is there, but its key {row.key_id} is not")
    elif row.state == "missing":
        findings.add("row_missing", row.name, "it is listed, but there is no such row")
    elif row.state == "damaged":
        findings.add("payload_changed", row.name, "its payload does not open under its key")
    if row.state == "erased" and row.kind == DECISION and _time(row.id) != row.at_ms:
        findings.add("columns_differ", row.name, "its time is not that of its id")


def _examine_payload(row: LedgerRow, known: Known, examined: Examined) -> None:
    findings = examined.findings
    if leaf_hash(row.salt, row.record) != row.leaf:
        findings.add("leaf_mismatch", row.name, "record and salt do not give its leaf")
    try:
        record = _decode(row.record)
        is_canonical = canonical(record) == row.record
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        is_canonical = False
    if not is_canonical:
        findings.add("record_malformed", row.name, "its record is not canonical JSON")
        return
    if row.kind == DECISION:
        _examine_decision(row, record, known, examined)
    else:
        _examine_entry(row, record, examined)


def _examine_decision(row: LedgerRow, record: dict[str, Any], known: Known, examined: Examined) -> None:
    findings, sub, epoch = examined.findings, record.get("sub"), record.get("epoch")
    mine = (row.id, row.site, row.epoch, rfc3339(row.at_ms))
    if (record.get("id"), record.get("site"), epoch, record.get("decided_at")) != mine or row.sub not in ("", sub):
        findings.add("columns_differ", row.name, "its id, site, subject, epoch or time is not that of its record")
    elif sub is not None:
        examined.epochs.append((row.name, f"{row.site}/{sub}", int(epoch or 0)))
    version = known.notices.get((str(record.get("site")), str(record.get("notice"))))
    if version is None:
        findings.add("notice_unknown", row.name, f"the notice {record.get('notice')} is not kept")
    elif version != record.get("policy_version"):
        findings.add("notice_unknown", row.name, "its notice belongs to another version of the policy")
    surface = record.get("ui")
    if surface is not None and str(surface) not in known.artifacts:
        findings.add("surface_unknown", row.name, f"the surface {surface} is not kept")


def _examine_entry(row: LedgerRow, record: dict[str, Any], examined: Examined) -> None:
    mine = (row.id, row.kind, row.site, rfc3339(row.at_ms))
    if tuple(record.get(name) for name in ("id", "kind", "site", "recorded_at")) != mine:
        examined.findings.add("columns_differ", row.name, "its id, kind, site or time is not that of its record")
    elif row.kind in ERASING:
        keys, count = record.get("erased_keys"), record.get("decisions")
        listed = keys if isinstance(keys, list) else []
        told = count if isinstance(count, int) and len(listed) == 1 else None
        examined.erasing += [Erasing(int(key_id), row.position, told) for key_id in listed]


def _time(entry_id: str) -> int | None:
    try:
        return time_of_id(entry_id)
    except ValueError:
        return None

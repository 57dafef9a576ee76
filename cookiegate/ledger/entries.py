"""Ledger entries besides decisions: what was done with the record, as provable as the record itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cookiegate.clock import rfc3339
from cookiegate.ledger.hashing import canonical, leaf_hash, new_salt
from cookiegate.ledger.ids import new_id
from cookiegate.storage.contract import EntryRow, WriteTransaction

EntryKind = Literal[
    "erasure", "disposal", "restriction", "restriction_lifted", "hold", "hold_released", "request", "exception",
    "break_glass", "incident", "restore", "loss",
]  # fmt: skip
RECORD_VERSION = 1


def record_entry(
    transaction: WriteTransaction,
    *,
    kind: EntryKind,
    site: str | None,
    body: Mapping[str, Any],
    at_ms: int,
    key_id: int | None = None,
) -> EntryRow:
    """Adds an entry to the ledger, inside the transaction that does what it tells.

    Args:
        transaction: of the act itself.
        kind: what happened.
        site: where; None when it concerns all sites.
        body: the facts: strings, integers, booleans, None, lists and maps of these. Nothing about a person unless
            ``key_id`` is given. ``erased_keys`` lists the subject keys that an erasure or a disposal destroys.
        at_ms: when, milliseconds since the epoch.
        key_id: the subject key that the record is encrypted under; None keeps it readable for good.
    """
    entry_id, salt = new_id(at_ms), new_salt()
    facts = {"v": RECORD_VERSION, "id": entry_id, "kind": kind, "site": site, "recorded_at": rfc3339(at_ms)}
    record = canonical({**body, **facts})
    row = EntryRow(entry_id, kind, site, key_id, record, salt, leaf_hash(salt, record), at_ms)
    transaction.append_entry(row)
    return row

"""How personal rows lie in the tables: what says something about a person is encrypted under their subject key.

Every engine stores these columns; none ever sees a payload in clear.
"""

from __future__ import annotations

from typing import Any, Protocol

from cookiegate.errors import RecordDamagedError
from cookiegate.storage.contract import ConsentRow, DecisionRow, EntryRow, StatusSlot
from cookiegate.storage.vault import Vault

SALT_BYTES = 16
_SUB_CHARS = 22
Columns = tuple[Any, ...]

#: The columns of each table in the order of the tuples below. Statements name them, so that a program which does not
#: know a new column yet goes on working beside one that does.
DECISION_COLUMNS = (
    "id", "site", "key_id", "epoch", "sealed", "leaf", "status_list", "status_index", "decided_at_ms",
)  # fmt: skip
ENTRY_COLUMNS = ("id", "kind", "site", "key_id", "payload", "leaf", "recorded_at_ms")
CONSENT_COLUMNS = (
    "site", "handle_hash", "key_id", "epoch", "sealed", "status_list", "status_index", "decision_id", "decided_at_ms",
    "restricted",
)  # fmt: skip
ANSWER_COLUMNS = ("site", "key_hash", "body_hash", "decision_id", "created_at_ms")


class Opener(Protocol):
    """Opens payloads: the vault, or a part of its keys that was read at once."""

    def decrypt(self, key_id: int, context: str, sealed: bytes) -> bytes | None:
        """The payload; None when its key was destroyed. See :meth:`Vault.decrypt`."""
        ...


def decision_columns(vault: Vault, row: DecisionRow) -> Columns:
    """A decision as the columns of ``decisions``, in their order."""
    sub, slot = (row.sub or "").encode(), row.slot
    sealed = vault.encrypt(row.key_id, f"decision:{row.id}", bytes([len(sub)]) + sub + row.salt + row.record)
    return (
        row.id, row.site, row.key_id, row.epoch, sealed, row.leaf,
        slot and slot.list_id, slot and slot.index, row.decided_at_ms,
    )  # fmt: skip


def decision_from_columns(vault: Vault, columns: Columns) -> DecisionRow:
    """A row of ``decisions``; without its payload when that was erased.

    Raises:
        RecordDamagedError: the payload was changed.
    """
    row_id, site, key_id, epoch, sealed, leaf, list_id, index, decided_at_ms = columns
    sub, salt, record = open_decision(vault, row_id, key_id, sealed)
    return DecisionRow(row_id, site, key_id, sub, epoch, record, salt, leaf, _slot(list_id, index), decided_at_ms)


def open_decision(opener: Opener, row_id: str, key_id: int, sealed: bytes | None) -> tuple[str | None, bytes, bytes]:
    """Subject, salt and record of a decision; without any of them when the payload was erased.

    Raises:
        RecordDamagedError: the payload was changed.
    """
    plain = None if sealed is None else opener.decrypt(key_id, f"decision:{row_id}", sealed)
    if plain is None:
        return None, b"", b""
    length = plain[0]
    if length not in (0, _SUB_CHARS):
        raise RecordDamagedError(f"the payload of decision {row_id} has another form", context=row_id)
    salt_at = 1 + length
    return plain[1:salt_at].decode() or None, plain[salt_at : salt_at + SALT_BYTES], plain[salt_at + SALT_BYTES :]


def entry_columns(vault: Vault, row: EntryRow) -> Columns:
    """A ledger entry as the columns of ``entries``, in their order."""
    plain = row.salt + row.record
    payload = plain if row.key_id is None else vault.encrypt(row.key_id, f"entry:{row.id}", plain)
    return row.id, row.kind, row.site, row.key_id, payload, row.leaf, row.recorded_at_ms


def entry_from_columns(vault: Opener, columns: Columns) -> EntryRow:
    """A row of ``entries``; without its payload when that was erased.

    Raises:
        RecordDamagedError: the payload was changed.
    """
    row_id, kind, site, key_id, payload, leaf, recorded_at_ms = columns
    plain = payload
    if payload is not None and key_id is not None:
        plain = vault.decrypt(key_id, f"entry:{row_id}", payload)
    salt, record = (b"", b"") if plain is None else (plain[:SALT_BYTES], plain[SALT_BYTES:])
    return EntryRow(row_id, kind, site, key_id, record, salt, leaf, recorded_at_ms)


def consent_columns(vault: Vault, row: ConsentRow) -> Columns:
    """A consent as the columns of ``consents``, in their order."""
    slot = row.slot
    plain = "\n".join((row.sub, str(row.policy_version), row.purposes, row.acquire)).encode()
    return (
        row.site, row.handle_hash, row.key_id, row.epoch,
        vault.encrypt(row.key_id, _consent_context(row.site, row.handle_hash), plain),
        slot and slot.list_id, slot and slot.index, row.decision_id, row.decided_at_ms, row.restricted,
    )  # fmt: skip


def consent_from_columns(vault: Vault, columns: Columns) -> ConsentRow | None:
    """A row of ``consents``; None when its subject was erased.

    Raises:
        RecordDamagedError: the payload was changed.
    """
    site, handle_hash, key_id, epoch, sealed, list_id, index, decision_id, decided_at_ms, restricted = columns
    plain = vault.decrypt(key_id, _consent_context(site, handle_hash), sealed)
    if plain is None:
        return None
    sub, version, purposes, acquire = plain.decode().split("\n")
    return ConsentRow(
        site, handle_hash, key_id, sub, epoch, int(version), purposes, acquire,
        _slot(list_id, index), decision_id, decided_at_ms, bool(restricted),
    )  # fmt: skip


def _consent_context(site: str, handle_hash: bytes) -> str:
    return f"consent:{site}:{handle_hash.hex()}"


def _slot(list_id: int | None, index: int | None) -> StatusSlot | None:
    return None if list_id is None or index is None else StatusSlot(list_id, index)

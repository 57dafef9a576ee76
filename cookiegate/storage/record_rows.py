"""The rows that cross the boundary of the record, the same for every engine."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

#: Bits of one status list: 16 kB raw.
STATUS_LIST_SIZE = 131_072
# The rows of the hot path are structs: making a frozen dataclass costs ten times as much.


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One immutable version of a site's policy; ``document`` is canonical JSON (RFC 8785)."""

    site: str
    version: int
    sha256: str
    document: bytes
    asks_again: bool
    holds_since: int
    published_at_ms: int


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A policy version in one locale, by the digest of its body."""

    sha256: str
    site: str
    version: int
    locale: str
    body: bytes


class StatusSlot(msgspec.Struct, frozen=True, gc=False):
    """A place in a token status list."""

    list_id: int
    index: int


class DecisionRow(msgspec.Struct, frozen=True, gc=False):
    """One decision. ``record`` is its canonical JSON; ``leaf`` is the ledger leaf over salt and record.

    ``sub``, ``salt`` and ``record`` are stored encrypted under the subject key ``key_id``. ``sub`` and ``slot`` are
    None for a refusal by someone who had granted nothing before; such a refusal has a key of its own.
    """

    id: str
    site: str
    key_id: int
    sub: str | None
    epoch: int
    record: bytes
    salt: bytes
    leaf: bytes
    slot: StatusSlot | None
    decided_at_ms: int

    @property
    def is_erased(self) -> bool:
        """Whether the payload is gone; id, site, time and leaf remain."""
        return not self.record


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A ledger entry that is not a decision: an erasure, a hold, a break-glass look-up.

    With ``key_id`` its salt and record are stored encrypted under that subject key, else as they are.
    """

    id: str
    kind: str
    site: str | None
    key_id: int | None
    record: bytes
    salt: bytes
    leaf: bytes
    recorded_at_ms: int

    @property
    def is_erased(self) -> bool:
        """Whether the payload is gone; id, kind, site, time and leaf remain."""
        return not self.record


class ConsentRow(msgspec.Struct, frozen=True, gc=False):
    """What holds now for the holder of a handle. ``purposes`` and ``acquire`` are space-delimited keys.

    ``sub``, ``policy_version``, ``purposes`` and ``acquire`` are stored encrypted under ``key_id``. ``restricted``: the
    person asked that the data is kept and not used; no token is given.
    """

    site: str
    handle_hash: bytes
    key_id: int
    sub: str
    epoch: int
    policy_version: int
    purposes: str
    acquire: str
    slot: StatusSlot | None
    decision_id: str
    decided_at_ms: int
    restricted: bool = False

    @property
    def is_granted(self) -> bool:
        """Whether anything is allowed."""
        return bool(self.purposes)


class AnswerRow(msgspec.Struct, frozen=True, gc=False):
    """An idempotency key that was used: for which body, and which decision answered it."""

    site: str
    key_hash: bytes
    body_hash: bytes
    decision_id: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """A status bit that was set. ``sequence`` rises; ``epoch`` is the least epoch of ``sub`` that still counts.

    ``sub`` is emptied when no gate can need it any more.
    """

    sequence: int
    slot: StatusSlot
    site: str
    sub: str | None
    epoch: int
    revoked_at_ms: int


def first_id(at_ms: int) -> str:
    """The least id of a millisecond: ids of decisions and entries begin with their time (RFC 9562, UUIDv7)."""
    digits = f"{max(at_ms, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"

"""The record of a decision: what the ledger proves, as canonical JSON."""

from __future__ import annotations

import msgspec

NO_SIGNAL = msgspec.Raw(b"null")
#: The member ``v`` of records, and of those that say where a choice was made.
VERSION, VERSION_OF_SHARED = 3, 4

_encode = msgspec.json.Encoder().encode


class Shared(msgspec.Struct, frozen=True, gc=False):
    """Where a choice was made that a record repeats: the decision, and its site."""

    decision: str
    site: str


class DecisionRecord(msgspec.Struct, gc=False, kw_only=True):
    """The members of a record, in the order that RFC 8785 wants: sorting them anew costs more than writing them.

    ``acquire``, ``device``, ``purposes`` and ``signal`` are canonical JSON already; the last is null where no browser
    signal was seen. ``shared`` is only in the record of a choice that was made on another site of the group. Members
    are only ever added, with a higher ``v``.
    """

    acquire: msgspec.Raw
    action: str
    decided_at: str
    device: msgspec.Raw
    epoch: int
    id: str
    notice: str
    policy_version: int
    purposes: msgspec.Raw
    shared: Shared | msgspec.UnsetType = msgspec.UNSET
    signal: msgspec.Raw
    site: str
    sub: str | None
    ui: str | None
    v: int = VERSION

    def written(self) -> bytes:
        """The record as RFC 8785 JSON (held by a property test)."""
        return _encode(self)


class ShownDecision(msgspec.Struct, gc=False):
    """What of a record is shown as the ``decision`` of an answer; it has no identifier of the person."""

    id: str
    site: str
    action: str
    policy_version: int
    notice: str
    purposes: msgspec.Raw
    acquire: msgspec.Raw
    decided_at: str
    signal: msgspec.Raw = NO_SIGNAL


#: Reads a record, of whatever version.
read_shown = msgspec.json.Decoder(ShownDecision).decode


def is_shared(record: bytes) -> bool:
    """Whether a record repeats a choice that was made on another site."""
    return b'"shared":{' in record and "shared" in msgspec.json.decode(record)

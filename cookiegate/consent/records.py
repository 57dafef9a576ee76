"""The record of a decision: what the ledger proves, as canonical JSON."""

from __future__ import annotations

import msgspec

_encode = msgspec.json.Encoder().encode


class DecisionRecord(msgspec.Struct, gc=False):
    """The members of a record, in the order that RFC 8785 wants: sorting them anew costs more than writing them.

    ``acquire``, ``device`` and ``purposes`` are canonical JSON already. Members are only ever added,
    with a higher ``v``.
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
    site: str
    sub: str | None
    ui: str | None
    v: int = 2

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


#: Reads a record, of whatever version.
read_shown = msgspec.json.Decoder(ShownDecision).decode

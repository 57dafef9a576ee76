"""Ids of ledger entries: time-ordered, so that appending stays cheap as the record grows."""

from __future__ import annotations

import secrets


def new_id(at_ms: int) -> str:
    """A UUIDv7 for this millisecond.

    Source: RFC 9562 section 5.7.
    """
    random = secrets.randbits(74)
    value = (at_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_of_id(entry_id: str) -> int:
    """The millisecond that an id was made for."""
    return int(entry_id[:8] + entry_id[9:13], 16)

"""Ids of ledger entries: time-ordered, so that appending stays cheap as the record grows."""

from __future__ import annotations

from cookiegate.randomness import random_bytes

_RANDOM_BYTES = 10
_VARIANT = "89ab"


def new_id(at_ms: int) -> str:
    """A UUIDv7 for this millisecond.

    Source: RFC 9562 section 5.7.
    """
    time, random = f"{at_ms & (1 << 48) - 1:012x}", random_bytes(_RANDOM_BYTES).hex()
    variant = _VARIANT[int(random[0], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{random[1:4]}-{variant}{random[4:7]}-{random[7:19]}"


def time_of_id(entry_id: str) -> int:
    """The millisecond that an id was made for."""
    return int(entry_id[:8] + entry_id[9:13], 16)

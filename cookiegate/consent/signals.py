"""Browser signals in decisions: which was seen, what it held back, and what was allowed in spite of it.

The order, from the strongest: a no; a yes to a purpose by name, given while the signal was there; the signal; any other
yes. A signal that ends grants nothing.

Source: W3C, Global Privacy Control; California Code of Regulations, title 11, section 7025(c).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from cookiegate.policy.document import Policy
from cookiegate.policy.pages import Signal

#: By rank: a yes in spite of one also stands against those after it.
SIGNALS: tuple[Signal, ...] = ("gpc", "dnt")


class SignalRecord(msgspec.Struct, frozen=True):
    """What a record says of a signal.

    Args:
        held: purposes that the signal switched off, or kept off.
        seen: the signal.
        despite: purposes that were allowed by name although it was there.
        since: for the act of a signal, when the rest that still holds was allowed, RFC 3339.
    """

    held: list[str]
    seen: Signal
    despite: list[str] | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a consent stands to signals.

    Args:
        seen: the signal that the visitor's browser sends now.
        despite: the signal in spite of which the purposes were allowed by name.
    """

    seen: Signal | None = None
    despite: Signal | None = None

    @property
    def holds_back(self) -> bool:
        """Whether the signal counts against what was allowed."""
        if self.seen is None or self.despite is None:
            return self.seen is not None
        return SIGNALS.index(self.despite) > SIGNALS.index(self.seen)


def read_signal(policy: Policy, gpc: str | None, dnt: str | None, told: Signal | None = None) -> Signal | None:
    """The signal of a request that counts under a policy.

    Args:
        policy: says whether Do Not Track counts.
        gpc: the header ``Sec-GPC``; several are joined by commas, and one that is exactly ``1`` is enough.
        dnt: the header ``DNT``.
        told: what the page says that its script sees; a proxy may have taken the header away.
    """
    if told == "gpc" or _says_one(gpc):
        return "gpc"
    return "dnt" if policy.honours_dnt and (told == "dnt" or _says_one(dnt)) else None


def _says_one(header: str | None) -> bool:
    return header is not None and "1" in (value.strip(" \t") for value in header.split(","))


def affected_keys(policy: Policy) -> frozenset[str]:
    """The purposes that a signal switches off."""
    return frozenset(purpose.key for purpose in policy.affected_purposes)


def is_answer(policy: Policy, seen: Signal | None) -> bool:
    """Whether the signal answers everything that would be asked, so that nobody is to be asked."""
    return seen is not None and len(policy.affected_purposes) == len(policy.optional_purposes)


def describe(policy: Policy, seen: Signal, allowed: tuple[str, ...], since: str | None = None) -> dict[str, Any]:
    """The member ``signal`` of a record.

    Args:
        policy: the version that was decided under.
        seen: the signal.
        allowed: the optional purposes that the decision allows.
        since: as in :class:`SignalRecord`.
    """
    affected = [purpose.key for purpose in policy.affected_purposes]
    record: dict[str, Any] = {"held": [key for key in affected if key not in allowed], "seen": seen}
    if despite := [key for key in affected if key in allowed]:
        record["despite"] = despite
    if since is not None:
        record["since"] = since
    return record


class _Recorded(msgspec.Struct):
    signal: SignalRecord | None = None


_read = msgspec.json.Decoder(_Recorded).decode


def recorded_signal(record: bytes) -> SignalRecord | None:
    """What a record says of a signal; None for the many that saw none."""
    return _read(record).signal if b'"signal":{' in record else None


def instant_ms(text: str) -> int:
    """The milliseconds since the epoch of an instant as a record has it."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def despite_of(record: bytes) -> Signal | None:
    """The signal in spite of which a recorded decision allowed purposes by name."""
    found = recorded_signal(record)
    return found.seen if found is not None and found.despite else None

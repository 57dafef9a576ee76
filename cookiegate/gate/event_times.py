"""When an event happened, and whether its token covers that moment.

A token tells that its grant held from ``iat`` to ``exp``. An event that happened in that time may come later: from a
tracker's queue, from a log, from a backfill. Its consent is looked up when it comes; its time is asked here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from cookiegate.gate.paths import split_at_dots, value_at
from cookiegate.gate.trackers.table import TimeField
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Reason

EventTimeRule = Literal["checked", "ignored"]
#: Gives what stands at a path of an event.
Find: TypeAlias = Callable[[Any, tuple[str, ...]], Any]
#: Tolerated difference between the clocks of the issuer, the receiver and the client, before ``iat``.
SKEW_S = 60
#: Numbers below are no times of the web: 2001-09-09, when milliseconds got their thirteenth digit.
EARLIEST_MS = 1_000_000_000_000
LATEST_MS = 253_402_300_800_000  # year 10000
_LONGEST_TEXT = 40
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,9})?", re.ASCII)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_PER_MS = {"ms": 1, "ms_text": 1, "s": 1000, "s_text": 1000, "ns_text": 1e-6}


class EventTimes:
    """Finds an event's time and holds it against a token.

    Args:
        fields: the tracker's time fields; the first that can be read counts.
        split: makes names of a path.
        skew_s: how long before its token an event may have happened.
    """

    def __init__(
        self,
        fields: Sequence[TimeField],
        split: Callable[[str], Sequence[str]] = split_at_dots,
        skew_s: int = SKEW_S,
    ) -> None:
        self._fields = tuple((tuple(split(item.path)), _READERS[item.unit], item.is_age) for item in fields)
        self._skew_s = skew_s
        #: The names that may hold a time at the top of an event, the first first.
        self.names = tuple(dict.fromkeys(item.path for item in fields))
        #: Where an event may have its time.
        self.paths = tuple(dict.fromkeys(path for path, _, _ in self._fields))

    def client_ms(self, event: Any, received_ms: int, find: Find = value_at) -> int | None:
        """The time that the client gives, in milliseconds since 1970; None if it gives none that can be read."""
        for path, read, is_age in self._fields:
            found = read(find(event, path))
            if found is not None and is_age:
                return received_ms - found
            if found is not None and EARLIEST_MS <= found < LATEST_MS:
                return found
        return None

    def earliest_ms(self, claims: Claims) -> int:
        """The first moment that the token covers."""
        return (claims.iat - self._skew_s) * 1000

    def covers(self, claims: Claims, received_ms: int, leeway_s: int) -> bool:
        """Whether the token covers an event that tells no time of its own, by when it was received."""
        return self.earliest_ms(claims) <= received_ms and received_ms // 1000 < claims.exp + leeway_s

    def judge(
        self, claims: Claims, event: Any, received_ms: int, leeway_s: int, find: Find = value_at
    ) -> tuple[Reason, int]:
        """Whether the token covers the event's time, and that time.

        Args:
            claims: of a verified token.
            event: the tracker's event.
            received_ms: when it was received; the event cannot have happened later.
            leeway_s: the verifier's, for an event that tells no time.
            find: gives what stands at a path of the event.

        Returns:
            ``ok``, ``event_too_early``, ``event_too_late``, or ``token_expired`` for an event without a time of its
            own that came when the token was over; and the event's time in milliseconds.
        """
        told_ms = self.client_ms(event, received_ms, find)
        at_ms = received_ms if told_ms is None else min(told_ms, received_ms)
        if at_ms < self.earliest_ms(claims):
            return Reason.EVENT_TOO_EARLY, at_ms
        if told_ms is None:
            return (Reason.OK if self.covers(claims, at_ms, leeway_s) else Reason.TOKEN_EXPIRED), at_ms
        return (Reason.EVENT_TOO_LATE if at_ms > claims.exp * 1000 else Reason.OK), at_ms


def receipt_ms(received_at: str | None, now_ms: int) -> int:
    """When a request was received: what its line says, but never later than now; now if it does not say."""
    told = None if received_at is None else _read_rfc3339(received_at, zone_needed=False)
    return now_ms if told is None else min(told, now_ms)


def _read_number(value: Any, per_ms: float) -> int | None:
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return int(value * per_ms) if abs(value) < 1e20 else None


def _read_rfc3339(value: Any, *, zone_needed: bool = True) -> int | None:
    if not isinstance(value, str) or (match := _RFC3339.fullmatch(value)) is None:
        return None
    if zone_needed and match[2] is None:
        return None
    try:
        at = datetime.fromisoformat(value.upper())
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _number_reader(per_ms: float) -> Callable[[Any], int | None]:
    return lambda value: _read_number(value, per_ms)


_READERS: Mapping[str, Callable[[Any], int | None]] = {
    **{unit: _number_reader(per_ms) for unit, per_ms in _PER_MS.items()},
    "rfc3339": _read_rfc3339,
}

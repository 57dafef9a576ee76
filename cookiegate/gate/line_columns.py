"""Events of many lines at once: read into one shape, and written as each grant leaves them.

What is done line by line is done by functions that run at the speed of C over the columns of a batch; a loop in Python
over the same lines costs more than reading and writing them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from cookiegate.gate import ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.event_times import EARLIEST_MS, EventTimes
from cookiegate.gate.events import STAMP_FIELD
from cookiegate.gate.leaving import Plain
from cookiegate.gate.sensitive import label
from cookiegate.gate.trackers.plain import TOKEN_FIELD

#: What a name that nobody mapped needs to pass: nothing grants it.
UNMAPPED = ""
#: One attribute of some events.
Column: TypeAlias = Sequence[Any]
#: An event begins with its token.
_FIRST_COLUMN = 1
_UNFIT = (msgspec.MsgspecError, UnicodeError, RecursionError)
_encoder = msgspec.json.Encoder()


class LineReader:
    """Reads lines whose events use no names but those that were met.

    An event has its token's text as ``token``, its time as ``at`` if a name for it is given, and a place for a
    ``stamp``, which no line can fill. Names that are mapped hold scalars and lists of them. What nobody mapped may hold
    anything, and is read as the thorough way reads it: bad text and numbers past a double are bad there too.

    Args:
        names: the names that were met → what each needs to pass.
        times: tells the names that may hold an event's time; the first is read as ``at``.
    """

    def __init__(self, names: Mapping[str, str], times: EventTimes) -> None:
        self.names = dict(names)
        #: Name → attribute of an event.
        self.attributes = {name: "at" if name in times.names[:1] else f"f{number}" for number, name in enumerate(names)}
        self._times = {name: self.attributes[name] for name in times.names if name in self.attributes}
        #: Whether ``at`` alone tells an event's time, in milliseconds.
        self.in_ms = len(self._times) == 1 and all(
            times.client_ms({name: EARLIEST_MS}, 0) == EARLIEST_MS for name in self._times
        )
        members = [(self.attributes[name], Any if need == UNMAPPED else Plain, UNSET) for name, need in names.items()]
        rename = {attribute: name for name, attribute in self.attributes.items()}
        event = msgspec.defstruct(
            "Event",
            [("token", str | UnsetType, UNSET), *members, ("stamp", UnsetType, UNSET)],
            rename={**rename, "token": TOKEN_FIELD, "stamp": STAMP_FIELD},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(event).decode
        self._empty = event(token=None)
        self._shapes: dict[Allowance, LineShape] = {}

    def read(self, lines: Iterable[bytes]) -> list[Any]:
        """An event for each line; one whose token is None for a line that does not fit."""
        events: list[Any] = []
        rest = iter(lines)
        while True:
            try:
                # What was read before a line that does not fit is kept, and that line is gone from the rest.
                events.extend(map(self._decode, rest))
            except _UNFIT:
                events.append(self._empty)
            else:
                return events

    def shape(self, allowance: Allowance) -> LineShape:
        """What a grant leaves of the events."""
        if allowance not in self._shapes:
            self._shapes[allowance] = LineShape(self, allowance)
        return self._shapes[allowance]

    def told(self, event: Any) -> dict[str, Any]:
        """What an event has under the names that may hold its time."""
        return {name: getattr(event, attribute) for name, attribute in self._times.items()}


class LineShape:
    """What one grant leaves of the events of a :class:`LineReader`.

    Args:
        reader: reads the events.
        allowance: the grant.
    """

    def __init__(self, reader: LineReader, allowance: Allowance) -> None:
        self.reader = reader
        names, attributes = reader.names, reader.attributes
        kept = [name for name, need in names.items() if need in allowance.categories]
        cut = [name for name, need in names.items() if name not in kept and need == IP and allowance.truncate_ip]
        gone = [name for name in names if name not in kept and name not in cut]
        columns = {name: number for number, name in enumerate(names, _FIRST_COLUMN)}
        self._kept, self._cut, self._gone = ([columns[name] for name in part] for part in (kept, cut, gone))
        #: Of what is refused or cut, how it is counted.
        self.labels = tuple(label(name) for name in (*cut, *gone))
        rename = {attributes[name]: name for name in (*kept, *cut)} | {"stamp": STAMP_FIELD}
        self._make: Any = msgspec.defstruct("Left", [(name, Any, UNSET) for name in rename], rename=rename, gc=False)

    def write(self, events: Sequence[Any], stamps: Iterable[msgspec.Raw]) -> tuple[list[bytes], Sequence[Column]]:
        """Writes events, with no place for what is refused.

        Args:
            events: at least one; they are changed.
            stamps: theirs.

        Returns:
            A line for each event; and of what is refused or cut, in the order of :attr:`labels`, its column.
        """
        if not self.labels:
            _fill(events, "stamp", stamps)
            _fill(events, "token", repeat(UNSET))
            return _write_lines(list(events)), []
        columns: list[Column] = list(zip(*map(astuple, events), strict=True))
        kept = [columns[number] for number in self._kept]
        cut = [[ip.truncate(value) or UNSET for value in columns[number]] for number in self._cut]
        left = map(self._make, *kept, *cut, stamps)
        return _write_lines(list(left)), [columns[number] for number in (*self._cut, *self._gone)]

    def count(self, columns: Sequence[Column], stripped: dict[str, int]) -> None:
        """Adds how often each refused name was there.

        Args:
            columns: of what is refused or cut.
            stripped: name → how often.
        """
        for name, column in zip(self.labels, columns, strict=True):
            if times := len(column) - column.count(UNSET):
                stripped[name] = stripped.get(name, 0) + times


def _write_lines(events: list[Any]) -> list[bytes]:
    """A line for each event, with its newline: JSON has no other."""
    # Of anything but a list msgspec leaves an iterator behind, for ever.
    return _encoder.encode_lines(events).splitlines(keepends=True)


def _fill(events: Iterable[Any], attribute: str, values: Iterable[Any]) -> None:
    deque(map(setattr, events, repeat(attribute), values), maxlen=0)

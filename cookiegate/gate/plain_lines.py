"""The quick way for lines of plain events: many at once, in the shapes that their grants allow.

Lines are read a few hundred at a time into events that have a place for every name met before, sorted by what their
tokens grant, and written without what is refused, which is counted. Whatever does not fit (no token, a bad one, a new
name, a nested value, broken JSON, another time) takes the thorough way, which alone decides about refusals. Both ways
give the same events and counts; property tests hold them to that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import attrgetter, le
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from cookiegate.gate import bodies
from cookiegate.gate.counts import Counts
from cookiegate.gate.event_times import EventTimes
from cookiegate.gate.events import STAMP_FIELD
from cookiegate.gate.line_columns import UNMAPPED, LineReader, LineShape
from cookiegate.gate.line_tokens import GrantingGate, KnownToken, LineTokens
from cookiegate.gate.trackers.plain import TOKEN_FIELD
from cookiegate.tokens.reasons import Denied, Reason

#: An event has places for the names that the stream has been seen to use; a stranger's inventions do not grow it for
#: ever.
_SEEN_LIMIT = 128
_LONGEST_NAME = 64
#: So many lines are judged by one look at the clock, the status list and the epochs: some ten milliseconds.
_MOMENT_LINES = 4096
#: So many are read before they are written: their events fit a processor's own cache.
_BATCH_LINES = 512
_encode = msgspec.json.Encoder().encode
_time = attrgetter("at")
_stamp, _longest = attrgetter("stamp"), attrgetter("longest")
_earliest, _latest = attrgetter("earliest_ms"), attrgetter("latest_ms")


class ThoroughGate(GrantingGate, Protocol):
    """What the quick way needs of its gate."""

    counts: Counts

    def event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The thorough way."""
        ...


class PlainLines:
    """Filters lines of plain events for one gate.

    Args:
        gate: decides, counts, and takes what does not fit.
        fields: field → category, as the gate's rules have it.
    """

    def __init__(self, gate: ThoroughGate, fields: Mapping[str, str]) -> None:
        self._gate = gate
        self._fields = fields
        self._times = gate.rules.times if gate.checks_times else EventTimes(())
        self._flat = not any("." in name for name in (*fields, *self._times.names))
        # Every event has a place for the time, so that it is found under one name.
        self._seen = {name: fields.get(name, UNMAPPED) for name in self._times.names[:1]}
        self._tokens = LineTokens(gate, self._times)
        self._reader = LineReader(self._seen, self._times)

    def filter(self, lines: Sequence[bytes]) -> list[bytes]:
        """The outcome of each line: stripped and stamped, with its newline, or empty if it must not pass."""
        if not self._flat:
            return [self._thorough(line) for line in lines]
        found: list[bytes] = []
        for moment in _cut(lines, _MOMENT_LINES):
            self._tokens.look()
            for batch in _cut(moment, _BATCH_LINES):
                found += self._filter(batch)
        return found

    def _filter(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        found: list[bytes | None] = [None] * len(lines)
        places: Sequence[int] = range(len(lines))
        while places:
            reader = self._reader
            self._pass(lines, places, found)
            places = [place for place in places if found[place] is None]
            if self._reader is reader:
                for place in places:
                    found[place] = self._thorough(lines[place])
                break
        return (line or b"" for line in found)

    def _pass(self, lines: Sequence[bytes], places: Sequence[int], found: list[bytes | None]) -> None:
        """Finds the outcome of the lines at these places; but not of those that may fit once a new name has a place."""
        reader, known = self._reader, self._tokens
        own = [lines[place] for place in places]
        tokens = known.glimpse(own)
        events = reader.read(known.without(own, tokens))
        moment = known.moment
        rows_of: dict[LineShape, list[int]] = defaultdict(list)
        for row, event in enumerate(events):
            token = tokens[row]
            if token is None and type(event.token) is str and self._reader is reader:
                token = tokens[row] = known.find(event.token, own[row])
            elif event.token is not UNSET:  # the line does not fit, or has another token than it begins with
                token = None
            if token is not None and (token.moment == moment or known.stands(token)):
                rows_of[token.shape].append(row)
            elif self._reader is reader:
                found[places[row]] = self._thorough(own[row])
        for shape, rows in rows_of.items():
            goes_by = [token for row in rows if (token := tokens[row]) is not None]
            fitting = self._leave(shape, [places[row] for row in rows], [events[row] for row in rows], goes_by)
            for place, line in fitting:
                found[place] = line

    def _leave(
        self, shape: LineShape, places: Sequence[int], events: Sequence[Any], tokens: Sequence[KnownToken]
    ) -> Iterable[tuple[int, bytes]]:
        """What one grant leaves of events, by their places, and counted; those that do not fit are left out."""
        if self._times.names and not _are_timely(events, tokens):
            fit = [self._is_timely(event, token) for event, token in zip(events, tokens, strict=True)]
            places, events, tokens = _select(fit, places, events, tokens)
            if not places:
                return ()
        lines, refused = shape.write(events, map(_stamp, tokens))
        if max(map(len, lines)) > min(map(_longest, tokens)):
            # A page address, say, may repeat the token.
            fit = [token.mark not in line for token, line in zip(tokens, lines, strict=True)]
            places, lines = _select(fit, places, lines)
            refused = _select(fit, *refused)
        counts = self._gate.counts
        counts.accepted += len(lines)
        shape.count(refused, counts.stripped)
        return zip(places, lines, strict=True)

    def _is_timely(self, event: Any, token: KnownToken) -> bool:
        """What the thorough way finds about an event's time."""
        at = event.at
        if at is UNSET and token.is_live and token.shape.reader.in_ms:
            return True
        if type(at) is int and token.earliest_ms <= at <= token.latest_ms:
            return True
        told, verifier = token.shape.reader.told(event), self._gate.verifier
        reason, _ = self._times.judge(token.claims, told, verifier.now_ms(), verifier.leeway_s)
        return reason is Reason.OK

    def _thorough(self, line: bytes) -> bytes:
        """The outcome of one line that nothing is known about; its names and its token are known from then on."""
        try:
            event = bodies.read_json(line)
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""
        kept = self._gate.event(event)
        if kept is None:
            return b""
        self._learn(event)
        if self._flat:
            self._tokens.remember(event[TOKEN_FIELD], self._reader)
        return _encode(kept) + b"\n"

    def _learn(self, event: Mapping[str, Any]) -> None:
        before = len(self._seen)
        for name in event:  # in this order, for the next events have it too, and are read the sooner
            if name in self._seen or name in (TOKEN_FIELD, STAMP_FIELD):
                continue
            # Names with quotes and the like cannot be struct fields: such events keep to the thorough way.
            is_fit = name.isidentifier() and len(name) <= _LONGEST_NAME
            if is_fit and (name in self._fields or len(self._seen) < _SEEN_LIMIT):
                self._seen[name] = self._fields.get(name, UNMAPPED)
        if len(self._seen) != before:
            self._reader = LineReader(self._seen, self._times)
            self._tokens.forget()  # they lead to the shapes of the reader that was


def _cut(lines: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (lines[start : start + size] for start in range(0, len(lines), size))


def _are_timely(events: Sequence[Any], tokens: Sequence[KnownToken]) -> bool:
    """Whether all events tell their time in the usual way, and their tokens held then."""
    times = list(map(_time, events))
    return (
        {*map(type, times)} == {int}
        and all(map(le, map(_earliest, tokens), times))
        and all(map(le, times, map(_latest, tokens)))
    )


def _select(fit: Sequence[bool], *columns: Iterable[Any]) -> list[list[Any]]:
    """Of each column, what stands in the rows that fit."""
    return [list(compress(column, fit)) for column in columns]

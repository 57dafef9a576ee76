"""The quick way for lines of plain events: decode only into the shape that the grant allows.

A line is decoded straight into a struct that has the granted fields; a field that is not granted is passed over
unparsed and counted. Whatever does not fit (no token, a bad one, a name not seen before, a nested value, broken JSON)
takes the thorough way, which alone decides about refusals. Both ways give the same events and counts; a property
test holds them to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, Union

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cookiegate.gate import bodies, ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.counts import Counts
from cookiegate.gate.event_times import EARLIEST_MS, EventTimes
from cookiegate.gate.events import STAMP_FIELD, EventRules
from cookiegate.gate.sensitive import label
from cookiegate.gate.trackers.plain import TOKEN_FIELD
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

#: A shape has the fields that the stream has been seen to use; a stranger's inventions do not grow it for ever.
_SEEN_LIMIT = 128
#: The category of a name that nobody mapped: never granted.
_UNKNOWN = ""
_NEEDLE = f'"{TOKEN_FIELD}":'.encode()
#: Past the needle, a space perhaps, and the quote.
_NEEDLE_BYTES = len(_NEEDLE) + 2
#: Half of a signature tells tokens apart as surely as all of it; equality is checked on the whole token anyway.
_TAIL_BYTES = 43
_KNOWN_LIMIT = 50_000
#: So many lines are judged by one look at the clock, the status list and the epochs: some ten milliseconds.
_MOMENT_LINES = 4096
_UNFIT = (msgspec.MsgspecError, UnicodeError, RecursionError)
_Scalar = Union[str, int, float, bool, None]  # noqa: UP007  msgspec reads it at run time
_Plain = Union[_Scalar, list[_Scalar], UnsetType]  # noqa: UP007
_encode = msgspec.json.Encoder().encode


class ThoroughGate(Protocol):
    """What the quick way needs of its gate."""

    counts: Counts
    verifier: Verifier

    rules: EventRules
    checks_times: bool

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...

    def event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The thorough way."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """What one grant makes of a line.

    ``decode`` reads every name seen so far. ``times`` are the members that may hold the event's time; ``is_simple``
    says that one alone does, in milliseconds. Where something is refused, ``make`` is an event that has no place for
    it, filled with ``kept`` of what was read; where nothing is, it is None. ``refused`` gives what was there of the
    refused, of which ``seen`` holds the kinds until they are counted.
    """

    decode: Callable[[bytes], Any]
    times: Mapping[str, str]
    is_simple: bool
    make: Callable[..., Any] | None
    kept: Callable[[Any], tuple[Any, ...]]
    refused: Callable[[Any], tuple[Any, ...]]
    names: tuple[str, ...]
    seen: list[tuple[type, ...]]

    def count(self, stripped: dict[str, int]) -> None:
        """Adds how often each refused name was there since the last count."""
        for kinds, times in Counter(self.seen).items():
            for name, kind in zip(self.names, kinds, strict=True):
                if kind is not UnsetType:
                    stripped[name] = stripped.get(name, 0) + times
        self.seen.clear()


class _Known(NamedTuple):
    """A token that was met, unfolded for the loop: its text in JSON, its stamp, and what it makes of a line.

    An event of ``earliest_ms`` to ``latest_ms`` happened while it held; one that tells no time passes if the token
    ``is_live``. Where the shape is not simple, neither is ever so.
    """

    token: Raw
    stamp: Raw
    length: int
    shape: _Shape
    decode: Callable[[bytes], Any]
    make: Callable[..., Any] | None
    kept: Callable[[Any], tuple[Any, ...]]
    refused: Callable[[Any], tuple[Any, ...]]
    claims: Claims
    earliest_ms: int
    latest_ms: int
    is_live: bool


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
        # Every shape has a place for the time, so that the loop finds it under one name.
        self._seen = {name: fields.get(name, _UNKNOWN) for name in self._times.names[:1]}
        self._in_ms = all(self._times.client_ms({name: EARLIEST_MS}, 0) == EARLIEST_MS for name in self._seen)
        self._shapes: dict[Allowance, _Shape] = {}
        self._generation = gate.verifier.generation
        self._known: dict[bytes, _Known] = {}

    def filter(self, lines: Sequence[bytes]) -> list[bytes]:
        """The outcome of each line: stripped and stamped, with its newline, or empty if it must not pass."""
        found: list[bytes] = []
        for start in range(0, len(lines), _MOMENT_LINES):
            verifier = self._gate.verifier
            verifier.refresh()
            if verifier.generation != self._generation:
                self._known.clear()
                self._generation = verifier.generation
            self._filter(lines[start : start + _MOMENT_LINES], found)
        return found

    def _filter(self, lines: Sequence[bytes], found: list[bytes]) -> None:
        # A loop over millions of lines: names are local, and every call is there for a reason.
        verifier = self._gate.verifier
        meet, now_ms, checks_times = self._standing(), verifier.now_ms(), bool(self._times.names)
        known, accepted = self._known, 0
        fresh: dict[bytes, _Known] = {}
        end = 0
        for line in lines:
            # A glimpse at the token: the end of its signature names it, and it mostly stands where the last one did.
            # Whether it is in its own place is seen once the line is decoded.
            tail = line[end - _TAIL_BYTES : end]
            entry = fresh.get(tail)
            if entry is None:
                end = line.find(b'"', line.find(_NEEDLE) + _NEEDLE_BYTES)
                tail = line[end - _TAIL_BYTES : end]
                entry = fresh.get(tail)
            if entry is None:
                entry = known.get(tail)
                entry = meet(entry) if entry is not None else None
                if entry is None:
                    found.append(self._meet(line, tail))
                    continue
                fresh[tail] = entry
            token, stamp, length, shape, decode, make, kept, refused, _, earliest_ms, latest_ms, is_live = entry
            try:
                event = decode(line)
            except _UNFIT:
                found.append(self._thorough(line))
                continue
            if (
                event.token != token
                or event.stamp is not UNSET
                or (
                    checks_times
                    and (type(at := event.at) is not int or not earliest_ms <= at <= latest_ms)
                    and (at is not UNSET or not is_live)
                    and not self._is_timely(entry, event, now_ms)
                )
            ):
                found.append(self._thorough(line))
                continue
            if make is None:
                event.token, event.stamp = UNSET, stamp
                out = _encode(event)
            else:
                out = _encode(make(*kept(event), stamp))
            if len(out) > length and tail in out:
                # A page address, say, repeats the token; an output shorter than the token cannot.
                found.append(self._thorough(line))
                continue
            if make is not None:
                shape.seen.append((*map(type, refused(event)),))
            accepted += 1
            found.append(out + b"\n")
        self._gate.counts.accepted += accepted
        for shape in {entry.shape for entry in fresh.values()}:
            shape.count(self._gate.counts.stripped)

    def _standing(self) -> Callable[[_Known], _Known | None]:
        """A function that gives a known token as it is for the coming lines; None if the thorough way must decide."""
        verifier = self._gate.verifier
        stands, now_ms = verifier.standing(), verifier.now_ms()
        stands_late = verifier.standing(expires=False) if self._gate.takes_late_events else None
        checks_times = self._gate.checks_times

        def meet(entry: _Known) -> _Known | None:
            reason = stands(entry.claims)
            if reason is Reason.OK:
                return entry if not checks_times or entry.earliest_ms <= now_ms else None
            if reason is Reason.TOKEN_EXPIRED and stands_late is not None and stands_late(entry.claims) is Reason.OK:
                return entry._replace(is_live=False)
            return None

        return meet

    def _is_timely(self, entry: _Known, event: Any, now_ms: int) -> bool:
        """What the thorough way finds about the event's time."""
        told = {name: getattr(event, attribute) for attribute, name in entry.shape.times.items()}
        reason, _ = self._times.judge(entry.claims, told, now_ms, self._gate.verifier.leeway_s)
        return reason is Reason.OK

    def _meet(self, line: bytes, tail: bytes) -> bytes:
        """Takes the thorough way, and remembers the token by the end of its signature if it was good."""
        try:
            event = bodies.read_json(line)
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""
        out = self._pass(event)
        if out and self._flat and len(tail) == _TAIL_BYTES and tail not in self._known:
            self._remember(event[TOKEN_FIELD], tail)
        return out

    def _remember(self, token: str, tail: bytes) -> None:
        if not token.endswith(tail.decode("utf-8", "replace")):
            return
        try:
            claims, allowance = self._gate.granted(token)
        except Denied:  # its key was taken out a moment ago
            return
        if self._gate.rules.binding.concerns(claims):
            return
        shape = self._shapes.get(allowance) or self._shape(allowance)
        # The verifier remembers better; this only spares the way to it.
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        text = Raw(msgspec.json.encode(token))
        earliest_ms, latest_ms = max(self._times.earliest_ms(claims), EARLIEST_MS), claims.exp * 1000
        if not shape.is_simple:
            earliest_ms, latest_ms = 1, 0
        self._known[tail] = _Known(
            text, claims.stamp, len(token), shape, shape.decode, shape.make, shape.kept, shape.refused, claims,
            earliest_ms, latest_ms, shape.is_simple,
        )  # fmt: skip

    def _thorough(self, line: bytes) -> bytes:
        try:
            return self._pass(bodies.read_json(line))
        except Denied as denial:
            self._gate.counts.dropped[denial.reason] += 1
            return b""

    def _pass(self, event: Any) -> bytes:
        kept = self._gate.event(event)
        if kept is None:
            return b""
        self._learn(event)
        return _encode(kept) + b"\n"

    def _learn(self, event: Mapping[str, Any]) -> None:
        for name in event.keys() - self._seen.keys() - {TOKEN_FIELD, STAMP_FIELD}:
            # Names with quotes and the like cannot be struct fields: such events keep to the thorough way.
            if name.isidentifier() and len(name) <= 64 and (name in self._fields or len(self._seen) < _SEEN_LIMIT):
                self._seen[name] = self._fields.get(name, _UNKNOWN)
                self._shapes.clear()
                self._known.clear()

    def _shape(self, allowance: Allowance) -> _Shape:
        kept, cut, refused = _sort_names(self._seen, allowance)
        raw = Union[Raw, UnsetType]  # noqa: UP007  msgspec reads it at run time
        rename = {self._attribute(number, name): name for number, name in enumerate((*kept, *cut, *refused))}
        attributes = list(rename)
        staying, going = attributes[: len(kept) + len(cut)], attributes[len(kept) :]
        own: list[tuple[str, Any, Any]] = [("token", raw, UNSET), ("stamp", raw, UNSET)]
        rename |= {"token": TOKEN_FIELD, "stamp": STAMP_FIELD}
        times = {name: rename[name] for name in attributes if rename[name] in self._times.names}
        # What is refused is read as the thorough way reads it: bad text and numbers past a double are bad there too.
        members = [(name, _Plain if name in staying else Any, UNSET) for name in attributes]
        read = msgspec.defstruct("Read", own + members, rename=rename, forbid_unknown_fields=True, gc=False)
        make = _make_kept(staying, staying[len(kept) :], rename) if going else None
        shape = _Shape(
            msgspec.json.Decoder(read).decode,
            times,
            len(times) == 1 and self._in_ms,
            make,
            _getter(staying),
            _getter(going),
            tuple(label(rename[name]) for name in going),
            [],
        )
        self._shapes[allowance] = shape
        return shape

    def _attribute(self, number: int, name: str) -> str:
        return "at" if name in self._times.names[:1] else f"f{number}"


def _sort_names(seen: Mapping[str, str], allowance: Allowance) -> tuple[list[str], list[str], list[str]]:
    """The names that stay, those whose address is cut, and those that go."""
    kept = [name for name, category in seen.items() if category in allowance.categories]
    rest = [name for name in seen if name not in kept]
    cut = [name for name in rest if seen[name] == IP and allowance.truncate_ip]
    return kept, cut, [name for name in rest if name not in cut]


def _getter(attributes: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from an event to a tuple of its attributes, however few."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    return lambda event: tuple(getattr(event, name) for name in attributes)


def _make_kept(staying: Sequence[str], cut: Sequence[str], rename: Mapping[str, str]) -> Callable[..., Any]:
    """A function from the values that stay, and the stamp, to an event that has no place for anything else."""
    names = {name: rename[name] for name in (*staying, "stamp")}
    struct = msgspec.defstruct("Kept", [(name, Any, UNSET) for name in names], rename=names, gc=False)
    if not cut:
        return struct

    def make(*values: Any) -> Any:
        kept = struct(*values)
        for name in cut:
            setattr(kept, name, ip.truncate(getattr(kept, name)) or UNSET)
        return kept

    return make

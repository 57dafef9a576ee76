"""The quick way for JSON bodies: decode the events only into the shape that their grant leaves of them.

It takes the requests whose events all go by one good token and hold nothing but names that have been met; the thorough
way decides about all others, and alone about refusals. Both ways give the same requests and counts; a property test
holds them to that.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, Raw

from cookiegate.gate.allowance import Allowance
from cookiegate.gate.counts import Counts
from cookiegate.gate.event_times import EventTimes
from cookiegate.gate.events import STAMP_FIELD, EventRules
from cookiegate.gate.leaving import Names, Shape, meet
from cookiegate.gate.shapes import EVENT_BYTES, EVENTS_LIMIT
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import Verifier

#: Unknown names that get a place; a stranger's inventions do not grow the shapes for ever.
_UNKNOWN_LIMIT = 128
_PLANS_LIMIT = 256
#: So many events of a body are looked at for new names.
_LEARNT_LIMIT = 8
_SHORTEST_TOKEN = 64
_LONGEST_TOKEN = 4096
_UNFIT = (msgspec.MsgspecError, UnicodeError, RecursionError)
_encode = msgspec.json.Encoder().encode


class QuickGate(Protocol):
    """What the quick way needs of its gate."""

    table: TrackerTable
    rules: EventRules
    verifier: Verifier
    checks_times: bool

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over."""
        ...

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """Claims and allowance of a token, whatever became of it since; Denied otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class QuickBody:
    """What a grant leaves of a body.

    Args:
        token, claims, allowance: the grant.
        events: what stays of each event.
        body: the body with them.
    """

    token: str | None
    claims: Claims
    allowance: Allowance
    events: list[Any]
    body: bytes


class _Plan(NamedTuple):
    """How the events of one route are read and judged under one grant."""

    shape: Shape
    read_one: Callable[[bytes], Any]
    read_list: Callable[[bytes], Any]
    read_around: Callable[[bytes], Any]
    around: Shape
    envelope: tuple[str, ...]
    tokens: tuple[Callable[[Any], Any], ...]
    kind: Callable[[Any], Any] | None
    find: Callable[[Any, tuple[str, ...]], Any]


class QuickBodies:
    """Filters JSON bodies for one gate. Safe for threads.

    Args:
        gate: decides.
    """

    def __init__(self, gate: QuickGate) -> None:
        self._gate = gate
        table, rules = gate.table, gate.rules
        self._stamped = table.name == "plain"
        self._times = rules.times if gate.checks_times else EventTimes(())
        leaves = dict.fromkeys(table.split(path)[-1] for path in table.token_fields)
        self._needles = tuple(f'"{leaf}":'.encode() for leaf in leaves)
        #: The routes whose events are JSON objects with nothing folded up in them.
        self.routes = frozenset(
            route
            for route in table.routes
            if route.events == "body"
            and route.items == "object"
            and not (route.levels or table.attributes or table.documents)
        )
        #: Members that make a list of what would be one event: no event that holds one has a shape.
        self._lists = frozenset(route.list_at for route in self.routes if route.many)
        self._names: Names = {}
        self._around: dict[Route, Names] = {}
        self._unknown = 0
        self._shapes: dict[Allowance, Shape] = {}
        self._plans: dict[tuple[Route, Allowance], _Plan] = {}
        self._lock = threading.Lock()

    def filter(
        self, route: Route, data: bytes, tokens: Sequence[str], received_ms: int, counts: Counts
    ) -> QuickBody | None:
        """What stays of a body, and its counts; None if the thorough way must look at it, and nothing is counted.

        Args:
            route: the body's route.
            data: the body, inflated.
            tokens: those that the request carries beside it, the deciding one first.
            received_ms: when it was received, milliseconds since 1970.
            counts: receives what was accepted and stripped.
        """
        own = self._glimpse(data)
        token = own or (tokens[0] if tokens else None)
        found = self._grant(token)
        if found is None:
            return None
        claims, allowance = found
        plan = self._plans.get((route, allowance)) or self._plan(route, allowance)
        try:
            read, around = self._read(plan, route, data)
        except _UNFIT:
            return None
        if not read or len(read) > max(EVENTS_LIMIT, len(data) // EVENT_BYTES):
            return None
        if not self._pass(plan, read, token, tokens[0] if tokens else None, claims, received_ms):
            return None
        stripped: list[tuple[str, ...]] = []
        leave = plan.shape.leave
        left = [leave(event, stripped) for event in read]
        if self._stamped:
            for event in left:
                event.stamp = claims.stamp
        body = self._written(plan, route, left, around, stripped)
        if any(self._holds(body, text) for text in (*tokens, token)):
            return None
        counts.accepted += len(left)
        for labels, times in Counter(stripped).items():
            counts.strip(labels, times)
        return QuickBody(token, claims, allowance, left, body)

    @staticmethod
    def _holds(body: bytes, token: str | None) -> bool:
        return token is not None and len(token) >= _SHORTEST_TOKEN and token.encode("utf-8", "replace") in body

    def _glimpse(self, data: bytes) -> str | None:
        """The first text in the body that may be a token in its own place."""
        for needle in self._needles:
            start = data.find(needle)
            if start < 0:
                continue
            start = data.find(b'"', start + len(needle), start + len(needle) + 2) + 1
            end = data.find(b'"', start, start + _LONGEST_TOKEN + 1)
            if start and end - start >= _SHORTEST_TOKEN:
                return data[start:end].decode("ascii", "replace")
        return None

    def _grant(self, token: str | None) -> tuple[Claims, Allowance] | None:
        gate = self._gate
        try:
            claims, allowance = gate.granted(token)
        except Denied:
            return None
        if gate.rules.binding.concerns(claims):
            return None
        reason = gate.verifier.standing(expires=not gate.takes_late_events)(claims)
        return (claims, allowance) if reason is Reason.OK else None

    def _read(self, plan: _Plan, route: Route, data: bytes) -> tuple[list[Any], Any]:
        """The events of a body, and what is around them: the list itself, an object, or nothing."""
        if route.many and data.lstrip()[:1] == b"[":
            events = plan.read_list(data)
            return events, events
        if route.list_at is None or (route.many and f'"{route.list_at}"'.encode() not in data):
            return [plan.read_one(data)], None
        around = plan.read_around(data)
        texts = zip(plan.envelope, route.envelope.values(), strict=True)
        if around.events is UNSET or not all(
            str(getattr(around, name)).rpartition("/")[0] == text.rpartition("/")[0] for name, text in texts
        ):
            raise msgspec.ValidationError
        return around.events, around

    @staticmethod
    def _written(plan: _Plan, route: Route, left: list[Any], around: Any, stripped: list[tuple[str, ...]]) -> bytes:
        if around is None:
            return _encode(left[0])
        if type(around) is list:
            return _encode(left)
        kept = plan.around.leave(around, stripped)
        kept.events = left
        for name, text in zip(plan.envelope, route.envelope.values(), strict=True):
            setattr(kept, name, text)
        return _encode(kept)

    def _pass(
        self, plan: _Plan, events: Sequence[Any], token: str | None, first: str | None, claims: Claims, received_ms: int
    ) -> bool:
        """Whether all events go by this token, and their types and times are good."""
        times, find_time = self._times, plan.find
        earliest_ms, latest_ms = times.earliest_ms(claims), claims.exp * 1000
        for event in events:
            for find in plan.tokens:
                own = find(event)
                if own is not UNSET and own is not None and own != "":
                    break
            else:
                own = first
            if own != token or not self._is_known(plan, event):
                return False
            if not self._gate.checks_times:
                continue
            told_ms = times.client_ms(event, received_ms, find_time)
            if told_ms is None:
                reason, _ = times.judge(claims, event, received_ms, self._gate.verifier.leeway_s, find_time)
                if reason is not Reason.OK:
                    return False
            elif not earliest_ms <= min(told_ms, received_ms) <= latest_ms:
                return False
        return True

    def _is_known(self, plan: _Plan, event: Any) -> bool:
        """Whether the event's type is one of the tracker's, and it brings no stamp along."""
        if self._stamped:
            return event.stamp is UNSET
        if plan.kind is None:
            return True
        kind, types = plan.kind(event), self._gate.table.types
        return type(kind) is str and (not types or kind in types)

    def _plan(self, route: Route, allowance: Allowance) -> _Plan:
        rules, table = self._gate.rules, self._gate.table
        with self._lock:
            shape = self._shapes.get(allowance)
            if shape is None:
                own = {STAMP_FIELD: ("stamp", Raw)} if self._stamped else {}
                shape = self._shapes[allowance] = Shape(rules.tree, self._names, allowance, rules.silent, own=own)
            envelope = {name: (f"e{number}", Any) for number, name in enumerate(route.envelope)}
            listed = {route.list_at: ("events", shape.reads)} if route.list_at is not None else {}
            names = self._around.setdefault(route, {})
            around = Shape(rules.around[route], names, allowance, frozenset(), own=envelope | listed)
            plan = _Plan(
                shape,
                msgspec.json.Decoder(shape.read).decode,
                msgspec.json.Decoder(shape.reads).decode,
                msgspec.json.Decoder(around.read).decode,
                around,
                tuple(name for name, _ in envelope.values()),
                tuple(find for path in rules.token_paths if (find := shape.finder(path)) is not None),
                None if table.type_field is None else shape.finder((table.type_field,)) or _nothing,
                shape.finders(self._times.paths),
            )
            if len(self._plans) >= _PLANS_LIMIT:
                self._forget()
            self._plans[route, allowance] = plan
        return plan

    def learn(self, route: Route, events: Sequence[Any], around: Mapping[str, Any]) -> None:
        """Gives the names in events, of which some passed the thorough way, a place in the shapes."""
        rules = self._gate.rules
        with self._lock:
            for event, tree, names in (
                *((event, rules.tree, self._names) for event in events[:_LEARNT_LIMIT]),
                (around, rules.around[route], self._around.setdefault(route, {})),
            ):
                if isinstance(event, Mapping) and self._lists.isdisjoint(event):
                    before = _size(names)
                    self._unknown += meet(event, tree, names, _UNKNOWN_LIMIT - self._unknown)
                    if _size(names) != before:
                        self._forget()

    def _forget(self) -> None:
        self._plans.clear()
        self._shapes.clear()


def _nothing(event: Any) -> None:
    """What stands at a name that was never met."""


def _size(names: Names) -> int:
    return len(names) + sum(map(_size, names.values()))

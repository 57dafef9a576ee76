"""Where the events of a request are, by the shape of its route: taken out, and put together again.

A shape knows places, not trackers: a list in a JSON body, lists in lists, a form, a query, a query with lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal
from urllib.parse import quote_plus, unquote

import msgspec

from cookiegate.gate import bodies
from cookiegate.gate.trackers.table import Level, Route
from cookiegate.tokens.reasons import Denied, Reason

_FIELDS_LIMIT = 512
#: Each line is an event with all that they share.
_LINES_LIMIT = 250
#: So many events may be in any JSON body; a larger one may hold one for every so many bytes. What is shorter is no
#: event, and deciding about it would take longer than sending it.
EVENTS_LIMIT = 2000
EVENT_BYTES = 64
#: Where events may be when there is no body, when it is JSON, and when it is anything else.
_BY_START = (("query", "lines"), ("body",), ("form", "lines"))
_COMPRESSIONS = frozenset({"", "gzip", "gzip-js", "base64", "none"})
_TEXT_TYPES = frozenset({"", "application/json", "application/x-www-form-urlencoded", "text/plain"})


@dataclass(slots=True)
class Opened:
    """The events of a request, and what is needed to write some of them again.

    Args:
        route: the route whose shape it has.
        events: what stands in the events' places, of any type.
        shared: for each event, what it has in common with others, in one object for all of them; empty if nothing is.
        around: members around the list, as they came.
        lies: where a JSON body has them: in a ``member``, as the ``list`` that it is, or as the ``one`` that it is.
        places: for nested bodies, where each event was: a number for each outer list.
        own: for lines, the fields of each event that are its own and not shared.
        newline: what ends a line.
    """

    route: Route
    events: list[Any]
    shared: list[Mapping[str, Any]] = field(default_factory=list)
    around: Mapping[str, Any] = field(default_factory=dict)
    lies: Literal["member", "list", "one"] = "one"
    places: list[tuple[int, ...]] = field(default_factory=list)
    own: list[frozenset[str]] = field(default_factory=list)
    newline: str = "\n"


def read(routes: Sequence[Route], data: bytes, query: Mapping[str, str], content_type: str) -> Opened:
    """The events of a request.

    Args:
        routes: all routes of the request's address.
        data: the body, inflated.
        query: the decoded query without a token.
        content_type: as the request gives it.

    Raises:
        Denied: event_malformed, encoding_unknown.
    """
    route = choose(routes, data, query)
    if route.events == "query":
        return Opened(route, [query])
    if route.events == "lines":
        return _read_lines(route, data, query)
    if route.events == "form":
        form = read_query(_text(data))
        if route.packed_in is None:
            return Opened(route, [form])
        data = bodies.read_base64(form.get(route.packed_in, ""))
    return _read_json(route, data, content_type)


def choose(routes: Sequence[Route], data: bytes, query: Mapping[str, str]) -> Route:
    """The route whose shape the body has, by its first byte; the first route if none fits.

    Raises:
        Denied: encoding_unknown for a compression in the query that nobody reads.
    """
    start = data.lstrip()[:1]
    route = choices(routes)[0 if not start else 1 if start in (b"{", b"[") else 2]
    if route.compression is not None and query.get(route.compression, "") not in _COMPRESSIONS:
        raise Denied(Reason.ENCODING_UNKNOWN)
    return route


def choices(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The routes of one address that take an empty body, JSON, and any other; the first route where none fits."""
    return tuple(next((route for route in routes if route.events in wanted), routes[0]) for wanted in _BY_START)


def read_query(text: str) -> dict[str, str]:
    """The fields of a query or an urlencoded form; of two with one name the first.

    Raises:
        Denied: event_malformed.
    """
    if text.count("&") >= _FIELDS_LIMIT:
        raise Denied(Reason.EVENT_MALFORMED)
    found: dict[str, str] = {}
    try:
        for pair in text.split("&"):
            if pair:
                name, _, value = pair.partition("=")
                found.setdefault(_unquoted(name), _unquoted(value))
    except ValueError as error:
        raise Denied(Reason.EVENT_MALFORMED) from error
    return found


def _unquoted(text: str) -> str:
    if "%" in text or "+" in text:
        return unquote(text.replace("+", " "), errors="strict")
    return text


def write_pairs(fields: Mapping[str, Any]) -> str:
    """A query or an urlencoded form of fields."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in fields.items()])


def _quoted(value: Any) -> str:
    text = str(value)
    return text if text.isalnum() and text.isascii() else quote_plus(text)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Denied(Reason.EVENT_MALFORMED) from error


def _read_lines(route: Route, data: bytes, query: Mapping[str, str]) -> Opened:
    text = _text(data)
    texts = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if len(texts) > _LINES_LIMIT:
        raise Denied(Reason.BODY_TOO_LARGE)
    lines = [read_query(line) for line in texts] or [{}]
    # What a line says otherwise than the address is its own.
    alone = [not query.keys().isdisjoint(line) for line in lines]
    events: list[Any] = [{**query, **line} if mixed else line for line, mixed in zip(lines, alone, strict=True)]
    shared: list[Mapping[str, Any]] = [{} if mixed else query for mixed in alone]
    own = [frozenset(line) for line in lines]
    return Opened(route, events, shared, own=own, newline="\r\n" if "\r\n" in text else "\n")


def _read_json(route: Route, data: bytes, content_type: str) -> Opened:
    try:
        body = bodies.read_json(data)
    except Denied as denial:
        if content_type.partition(";")[0].strip().lower() not in _TEXT_TYPES:
            raise Denied(Reason.ENCODING_UNKNOWN) from denial
        raise
    opened = _take_out(route, body)
    if len(opened.events) > max(EVENTS_LIMIT, len(data) // EVENT_BYTES):
        raise Denied(Reason.BODY_TOO_LARGE)
    if route.items == "query" and opened.lies == "member":
        opened.events = [_read_item(event) for event in opened.events]
    return opened


def _take_out(route: Route, body: Any) -> Opened:
    if route.levels:
        opened = Opened(route, [])
        _descend(body, route.levels, {}, (), opened)
        return opened
    if route.list_at is not None and isinstance(body, dict) and (route.list_at in body or not route.many):
        events = body.get(route.list_at)
        if not isinstance(events, list) or not _is_envelope(body, route):
            raise Denied(Reason.EVENT_MALFORMED)
        around = {name: value for name, value in body.items() if name != route.list_at and name not in route.envelope}
        return Opened(route, events, around=around, lies="member")
    if route.list_at is not None and not route.many:
        raise Denied(Reason.EVENT_MALFORMED)
    if route.many and isinstance(body, list):
        return Opened(route, body, lies="list")
    return Opened(route, [body])


def events_of(route: Route, path: str, body: bytes | None) -> list[dict[str, Any]]:
    """The events in a request that the gate made by one of the quick routes, each with what it shares with others."""
    query = read_query(path.partition("?")[2]) if body is None or route.events == "lines" else {}
    if body is None:
        return [query]
    if route.events == "lines":
        lines = _read_lines(route, body, query)
        return [{**event, **shared} for event, shared in zip(lines.events, lines.shared, strict=True)]
    opened = _take_out(route, msgspec.json.decode(body))
    if route.items == "query":
        opened.events = [_read_item(event) for event in opened.events]
    return [{**event, **(shared or {})} for event, shared in zip_longest(opened.events, opened.shared)]


def _read_item(item: Any) -> Any:
    """An event that is a query in a text; whatever is none is left to be dropped by itself."""
    if not isinstance(item, str):
        return None
    try:
        return read_query(item.removeprefix("?"))
    except Denied:
        return None


def _is_envelope(body: Mapping[str, Any], route: Route) -> bool:
    # Another minor version of the envelope's schema holds the same list.
    return all(
        str(body.get(name)).rpartition("/")[0] == text.rpartition("/")[0] for name, text in route.envelope.items()
    )


def _descend(
    body: Any, levels: Sequence[Level], shared: Mapping[str, Any], place: tuple[int, ...], opened: Opened
) -> None:
    level, inner = levels[0], levels[1:]
    items = body.get(level.list_at) if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        raise Denied(Reason.EVENT_MALFORMED)
    shared = {**shared, **{name: body[member] for member, name in level.shared.items() if member in body}}
    if inner:
        for number, item in enumerate(items):
            _descend(item, inner, shared, (*place, number), opened)
        return
    names = {name for outer in opened.route.levels for name in outer.shared.values()}
    for item in items:
        # An event cannot pass for what it shares, there or not.
        own = {name: value for name, value in item.items() if name not in names} if isinstance(item, Mapping) else None
        opened.events.append(own)
        opened.shared.append(shared)
        opened.places.append(place)


def write(opened: Opened, kept: Sequence[tuple[int, dict[str, Any]]], around: Mapping[str, Any]) -> bytes | None:
    """The body of a request that holds some of the events.

    Args:
        opened: the request as it was read.
        kept: number and rest of each event that stays, at least one, in order.
        around: what stays of the members around the list.

    Returns:
        The body, or None for a request without one.
    """
    route, events = opened.route, [event for _, event in kept]
    if route.events == "query":
        return None
    if route.events == "lines":
        lines = (
            write_pairs({name: value for name, value in event.items() if name in opened.own[number]})
            for number, event in kept
        )
        return opened.newline.join(lines).encode()
    if route.events == "form" and route.packed_in is None:
        return write_pairs(events[0]).encode()
    if route.levels:
        return msgspec.json.encode(_nest(opened, kept))
    if opened.lies == "member":
        items = [f"?{write_pairs(event)}" for event in events] if route.items == "query" else events
        return msgspec.json.encode({**around, **route.envelope, str(route.list_at): items})
    return msgspec.json.encode(events if opened.lies == "list" else events[0])


def write_query(opened: Opened, kept: Sequence[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """The query of a request that holds some of the events; without parameters that stand beside a body."""
    if opened.route.events == "query":
        return kept[0][1]
    found: dict[str, Any] = {}
    if opened.route.events == "lines":
        for number, event in kept:
            found.update((name, value) for name, value in event.items() if name not in opened.own[number])
    return found


def join(route: Route, parts: Sequence[bytes]) -> bytes:
    """One body of the parts that a batch with events of several grants became.

    Args:
        route: the tracker's usual route.
        parts: bodies as :func:`write` made them, at least one.
    """
    if len(parts) == 1:
        return parts[0]
    if route.events != "body":
        return b"\n".join(parts)
    bodies_read = [msgspec.json.decode(part) for part in parts]
    if not all(isinstance(body, dict) for body in bodies_read):
        return msgspec.json.encode([event for body in bodies_read for event in body])
    list_at = route.levels[0].list_at if route.levels else str(route.list_at)
    first = bodies_read[0].items()
    common = {name: value for name, value in first if all(body.get(name) == value for body in bodies_read)}
    return msgspec.json.encode({**common, list_at: [event for body in bodies_read for event in body[list_at]]})


def _nest(opened: Opened, kept: Sequence[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """A nested body again: events that stood in one list stand in one list, beside what they share."""
    *outer, last = opened.route.levels
    body: dict[str, Any] = {}
    nodes: dict[tuple[int, ...], dict[str, Any]] = {(): body}
    for number, event in kept:
        place = opened.places[number]
        for depth, level in enumerate(outer):
            here = place[: depth + 1]
            if here not in nodes:
                nodes[here] = {}
                nodes[here[:-1]].setdefault(level.list_at, []).append(nodes[here])
        rest = dict(event)
        for depth, level in enumerate(opened.route.levels):
            for member, name in level.shared.items():
                if name in rest:
                    nodes[place[:depth]][member] = rest.pop(name)
        nodes[place].setdefault(last.list_at, []).append(rest)
    return body

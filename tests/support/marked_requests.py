"""Requests of any tracker in which every field holds a value of its own, made from the tracker's table."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

from cookiegate.gate.trackers.table import COMMON_HEADERS, Route, TrackerTable

UNKNOWN = "unknown"
#: Where the protocols have lists of objects.
_LISTS = frozenset({"brands", "fullVersionList", "events", "links", "dataPoints", "items"})
_DEPTH = 4


class Marks:
    """Gives each field a value of its own, and remembers which category it belongs to."""

    def __init__(self) -> None:
        self.by_category: dict[str, list[str]] = {}
        self._count = 0

    def make(self, category: str) -> str:
        """A text that is nowhere else; for ``ip`` an address."""
        number = self._count
        self._count += 1
        mark = f"198.51.{number // 250}.{number % 250 + 1}" if category == "ip" else f"mark{number:05d}x"
        self.by_category.setdefault(category, []).append(mark)
        return mark


@dataclass
class Choices:
    """What one request is like.

    Args:
        kind: the event's type.
        unknown: names of fields that no table knows.
        carrier: ``field``, ``header``, ``query`` or ``cookie``.
        token_field: the event's own place for the token.
        packing: ``""``, ``header`` (gzip and says so) or ``magic`` (gzip and does not).
        shared: of lines, how many fields stand in the address.
    """

    kind: str
    unknown: Sequence[str]
    carrier: str
    token_field: str
    packing: str = ""
    shared: int = 5


@dataclass
class MarkedRequest:
    """A request line and the marks in it."""

    line: dict[str, Any]
    marks: Marks = field(default_factory=Marks)

    def to_line(self) -> bytes:
        """As ``cookiegate gate`` reads it."""
        return json.dumps(self.line).encode()


def marked_request(table: TrackerTable, route: Route, token: str, choices: Choices) -> MarkedRequest:
    """A request in the route's shape whose event has every field of the table, and more."""
    marks = Marks()
    event = _event(table, marks, choices, token if choices.carrier == "field" else None)
    headers = {name.title(): marks.make(category) for name, category in {**COMMON_HEADERS, **table.headers}.items()}
    headers["Content-Type"] = marks.make(UNKNOWN)
    headers["Forwarded"] = f"for={headers['Forwarded']};by={marks.make(UNKNOWN)}"
    headers["X-Unknown"] = marks.make(UNKNOWN)
    cookies = {"own": marks.make(UNKNOWN), **{name: marks.make(kind) for name, kind in table.cookies.items()}}
    query = {"other": marks.make(UNKNOWN), **{name: marks.make(kind) for name, kind in route.query.items()}}
    if choices.carrier == "header":
        headers["X-Consent-Token"] = token
    elif choices.carrier == "query":
        query["ct"] = token
    elif choices.carrier == "cookie":
        cookies["cg_token"] = token
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    body = _body(table, route, event, query, marks, choices)
    line = {
        "method": route.method, "path": f"{route.path}?{urlencode(query)}", "headers": headers, "ip": marks.make("ip"),
        **_packed(body, headers, choices.packing if route.events != "query" else ""),
    }  # fmt: skip
    return MarkedRequest(line, marks)


def _event(table: TrackerTable, marks: Marks, choices: Choices, token: str | None) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for path, category in table.fields.items():
        _put(event, table.split(path), marks.make(category))
    for parent in list(_objects(event)):
        parent.setdefault("zz unknown", marks.make(UNKNOWN))
        parent.setdefault("zz nested", {"inner": [marks.make(UNKNOWN), {"deep": marks.make(UNKNOWN)}]})
    for name in choices.unknown:
        event.setdefault(name, marks.make(UNKNOWN))
    if table.type_field:
        event[table.type_field] = choices.kind
    if table.schemas:
        _add_documents(event, table, marks)
    if token is not None:
        _put(event, table.split(choices.token_field), token)
    for path in table.attributes:
        _write_attributes(event, path.split("."))
    return event


def _put(event: dict[str, Any], path: Sequence[str], value: str) -> None:
    *parents, leaf = path
    for parent in parents:
        inner = event.setdefault(parent, [{}] if parent in _LISTS else {})
        event = inner[0] if isinstance(inner, list) else inner
    event[leaf] = value


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, dict):
        yield value
        for inner in list(value.values()):
            yield from _objects(inner)


def _write_attributes(value: Any, path: Sequence[str]) -> None:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if path[0] not in item:
            continue
        if len(path) > 1:
            _write_attributes(item[path[0]], path[1:])
            continue
        item[path[0]] = [{"key": key, "value": _typed(found)} for key, found in item[path[0]].items()]


def _typed(value: Any) -> dict[str, Any]:
    return {"stringValue": value} if isinstance(value, str) else {"kvlistValue": {"values": [{"value": value}]}}


def _add_documents(event: dict[str, Any], table: TrackerTable, marks: Marks) -> None:
    documents = [
        {
            "schema": f"iglu:{schema}-0-0",
            "data": {name: marks.make(kind) for name, kind in members.items()} | {"z": marks.make(UNKNOWN)},
        }
        for schema, members in table.schemas.items()
    ]
    documents.append({"schema": "iglu:com.acme/own/jsonschema/1-0-0", "data": {"z": marks.make(UNKNOWN)}})
    text = json.dumps({"schema": "x", "data": documents})
    event["co"], event["cx"] = text, base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    one = json.dumps({"schema": "x", "data": documents[5]})
    event["ue_pr"], event["ue_px"] = one, base64.urlsafe_b64encode(one.encode()).decode()


def _body(
    table: TrackerTable, route: Route, event: dict[str, Any], query: dict[str, str], marks: Marks, choices: Choices
) -> str | None:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in event.items()}
    if route.events == "query":
        query |= texts
        return None
    if route.events == "lines":
        names = sorted(texts)
        query |= {name: texts[name] for name in names[: choices.shared]}
        own = urlencode({name: texts[name] for name in names[choices.shared :]})
        return f"{own}\r\n{urlencode({'zz': marks.make(UNKNOWN)})}"
    if route.events == "form" and route.packed_in is None:
        return urlencode(texts)
    body = json.dumps(_json_body(route, event, texts, marks))
    if route.events == "form":
        packed = quote(base64.b64encode(body.encode()).decode(), safe="")
        return f"zz={marks.make(UNKNOWN)}&{route.packed_in}={packed}"
    return body


def _json_body(route: Route, event: dict[str, Any], texts: Mapping[str, str], marks: Marks) -> Any:
    if route.levels:
        body: dict[str, Any] = {}
        node = body
        for number, level in enumerate(route.levels):
            node["zz unknown"] = marks.make(UNKNOWN)
            node |= {member: event.pop(name) for member, name in level.shared.items() if name in event}
            inner: dict[str, Any] = event if number == len(route.levels) - 1 else {}
            node[level.list_at] = [inner]
            node = inner
        return body
    if route.list_at is None:
        return event
    item = f"?{urlencode(texts)}" if route.items == "query" else event
    around = {name: marks.make(category) for name, category in route.members.items()}
    return {**route.envelope, **around, "zz unknown": marks.make(UNKNOWN), route.list_at: [item]}


def _packed(body: str | None, headers: dict[str, str], packing: str) -> dict[str, Any]:
    if body is None or not packing:
        return {"body": body}
    if packing == "header":
        headers["Content-Encoding"] = "gzip"
    return {"body_base64": base64.b64encode(gzip.compress(body.encode(), mtime=0)).decode()}


def everything_in(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """A text and all that is folded up in it: JSON, queries, base64, one in the other."""
    yield text
    if depth == 0:
        return
    plain = unquote_plus(text)
    if plain != text:
        yield from everything_in(plain, depth - 1)
    for part in text.replace("?", "&").split("&"):
        if part != text:
            yield from everything_in(part.partition("=")[2], depth - 1)
    with suppress(ValueError):
        for inner in _texts(json.loads(text)):
            yield from everything_in(inner, depth - 1)
    with suppress(ValueError):
        yield base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)

"""Requests of 64 kB that are made to cost as much as they can, in every shape that a tracker has."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cookiegate.gate import TrackerRequest
from cookiegate.gate.trackers.table import Route, TrackerTable

SIZE_BYTES = 64 * 1024
_LONG = SIZE_BYTES - 4096
#: What may stand in an event's place.
_ITEMS = ("{}", "[]", "1", '{"a":{"b":[1]}}', '"?a"', '"?' + "&".join(f"a{number}=%41" for number in range(100)) + '"')
_ATTRIBUTES = (
    '{"key":"a","value":{"stringValue":"b"}}', '{"key":"url.full","value":{"stringValue":"b"}}', '{"attributes":[{}]}',
    "{}", "1", '{"key":"url.full","value":{"arrayValue":{"values":[{"intValue":1}]}}}',
)  # fmt: skip
_CONTEXTS = (
    "{}", "1", '{"schema":"iglu:a/b/jsonschema/1-0-0","data":{}}',
    '{"schema":"iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0","data":{"id":1}}',
)  # fmt: skip
_HEADERS = {
    "many addresses": {"X-Forwarded-For": "203.0.113.9," * (_LONG // 12)},
    "many that are none": {"X-Forwarded-For": "1," * (_LONG // 2)},
    "many long addresses": {"X-Forwarded-For": "1::1," * (_LONG // 5)},
    "many long members": {"Forwarded": "for=1::1;" * (_LONG // 9)},
    "many members": {"Forwarded": "for=1.2.3.4;" * (_LONG // 12)},
    "open quotes": {"Forwarded": 'for="' * (_LONG // 5)},
    "spaces": {"Forwarded": " " * _LONG},
    "semicolons": {"Forwarded": ";" * _LONG},
    "one digit": {"X-Real-IP": "1" * _LONG},
    "many cookies": {"Cookie": ";".join(f"a{number}=b" for number in range(_LONG // 8))},
    "one cookie often": {"Cookie": "a=b; " * (_LONG // 5)},
    "many headers": {f"h{number}": "x" for number in range(_LONG // 9)},
}
_QUERIES = {
    "many fields": "&".join(f"a{number}=%41" for number in range(500)),
    "percent signs": "a=" + "%41" * (_LONG // 3),
    "ampersands": "&" * _LONG,
    "the same field": "a=1&" * (_LONG // 4),
    "plus signs": "a=" + "+" * _LONG,
}


def heavy_requests(table: TrackerTable, token: str) -> Iterator[tuple[str, TrackerRequest]]:
    """Name and request, each with a good token in a header."""
    seen = set()
    for route in table.routes:
        shape = (route.method, route.events, route.list_at, bool(route.levels), route.packed_in)
        if shape in seen:
            continue
        seen.add(shape)
        for name, body in (*_json_bodies(table, route), *_other_bodies(route)):
            yield f"{route.path} {name}", _request(route, token, body=body)
    route, kind = table.routes[0], f"{table.type_field or 'e'}={_kind(table)}"
    for name, headers in _HEADERS.items():
        yield name, _request(route, token, f"?{kind}", _event(table), headers)
    for name, query in _QUERIES.items():
        yield f"query: {name}", _request(route, token, f"?{kind}&{query}", _event(table))


def _request(
    route: Route, token: str, query: str = "", body: str | None = None, headers: dict[str, str] | None = None
) -> TrackerRequest:
    held = {"X-Consent-Token": token, **(headers or {})}
    return TrackerRequest(route.method, f"{route.path}{query}", held, body)


def _kind(table: TrackerTable) -> str:
    return next(iter(sorted(table.types)), "x")


def _event(table: TrackerTable) -> str:
    return json.dumps({table.type_field or "e": _kind(table)})


def _filled(before: str, item: str, after: str, between: str = ",") -> str:
    return before + between.join([item] * ((SIZE_BYTES - len(before + after)) // len(item + between))) + after


def _json_bodies(table: TrackerTable, route: Route) -> Iterator[tuple[str, str]]:
    if route.events != "body":
        return
    for item in (*_ITEMS, _event(table)):
        for before, each, after in _lists(route, item):
            yield f"{before[-12:]} {item[:12]}", _filled(before, each, after)
    own = _event(table)[:-1]
    names = ",".join(f'"k{number}":1' for number in range(6000))
    yield "names", f"{own},{names}}}"
    parents = {path.split(".")[0] for path in table.fields if "." in path and not table.flat}
    for parent in sorted(parents):
        yield f"names in {parent}", f'{own},"{parent}":{{{names}}}}}'
        for item in ("{}", "1", '{"a":1}'):
            yield f"{item} in {parent}", _filled(f'{own},"{parent}":[', item, "]}")
    yield from _folded(table, route)


def _lists(route: Route, item: str) -> Iterator[tuple[str, str, str]]:
    """The places where a list of events may be: before, each, after."""
    if route.levels:
        outer, middle, inner = (level.list_at for level in route.levels)
        yield f'{{"{outer}":[{{"{middle}":[{{"{inner}":[', item, "]}]}]}"
        yield f'{{"{outer}":[{{"{middle}":[', f'{{"{inner}":[{item}]}}', "]}]}"
        yield f'{{"{outer}":[', f'{{"{middle}":[{{"{inner}":[{item}]}}]}}', "]}"
    if route.list_at is not None:
        around = "".join(f"{json.dumps(name)}:{json.dumps(text)}," for name, text in route.envelope.items())
        yield f'{{{around}"{route.list_at}":[', item, "]}"
    if route.many:
        yield "[", item, "]"


def _folded(table: TrackerTable, route: Route) -> Iterator[tuple[str, str]]:
    """Lists inside of events: attributes and documents."""
    for attribute in _ATTRIBUTES if table.attributes else ():
        outer, middle, inner = (level.list_at for level in route.levels)
        before = f'{{"{outer}":[{{"{middle}":[{{"{inner}":[{{"attributes":['
        yield f"attributes {attribute[:20]}", _filled(before, attribute, "]}]}]}]}")
        before = f'{{"{outer}":[{{"resource":{{"attributes":['
        after = f']}},"{middle}":[{{"{inner}":[{{}},{{}},{{}},{{}}]}}]}}]}}'
        yield f"shared attributes {attribute[:20]}", _filled(before, attribute, after)
    for name, document in table.documents.items():
        for context in _CONTEXTS if not document.base64 else ():
            text = _filled('{"data":[', context, "]}")
            yield f"{name} {context[:12]}", json.dumps({**route.envelope, "data": [{"e": "ue", name: text}]})


def _other_bodies(route: Route) -> Iterator[tuple[str, str]]:
    if route.events in ("form", "lines"):
        for item in ("a=1", "en=1", "%41=%41", "+"):
            yield f"lines {item}", _filled("", item, "", "\n")
            yield f"form {item}", _filled("", item, "", "&")
        yield "percent signs", "en=" + "%41" * (_LONG // 3)
        yield "250 lines", "\n".join(["&".join(f"a{number}=1" for number in range(40))] * 250)

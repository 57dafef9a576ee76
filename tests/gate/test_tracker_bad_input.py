"""Input that no tracker sends, at every route of every tracker: nothing is raised or passes, the reason is counted."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest
from support.consent import ConsentService
from support.marked_requests import Choices, everything_in, marked_request

from cookiegate.gate import Gate, Reason, TrackerRequest, trackers
from cookiegate.gate.trackers.table import Route

LIMIT_BYTES = 200_000
BROKEN = (Reason.EVENT_MALFORMED, Reason.EVENT_UNKNOWN, Reason.ENCODING_UNKNOWN, Reason.BODY_TOO_LARGE)
_DEEP = b"[" * 10_000 + b"]" * 10_000
_GOOD = gzip.compress(b'{"a":1}', mtime=0)
#: Body, headers: unreadable for whatever has a body in it.
UNREADABLE: dict[str, tuple[bytes, dict[str, str]]] = {
    "truncated gzip": (_GOOD[:-9], {"Content-Encoding": "gzip"}),
    "truncated gzip that does not say so": (_GOOD[:-9], {}),
    "gzip with something after it": (_GOOD + b"{}", {}),
    "a gzip bomb": (gzip.compress(bytes(20_000_000), mtime=0), {"Content-Encoding": "gzip"}),
    "a gzip bomb that does not say so": (gzip.compress(b" " * 20_000_000, mtime=0), {}),
    "a deflate bomb": (zlib.compress(bytes(20_000_000)), {"Content-Encoding": "deflate"}),
    "gzip in gzip": (gzip.compress(_GOOD, mtime=0), {}),
    "an encoding that nobody reads": (b"{}", {"Content-Encoding": "br"}),
    "too much": (b'{"a":"' + b"x" * LIMIT_BYTES + b'"}', {}),
    "invalid UTF-8": (b'{"a":"\xff\xfe"}', {}),
    "a lone surrogate": (b'{"a":"\\ud800"', {}),
    "NaN": (b'{"a":NaN}', {}),
    "Infinity": (b'[{"a":-Infinity}]', {}),
    "a number past a double": (b'{"a":1e999}', {}),
    "ten thousand lists": (_DEEP, {}),
    "ten thousand objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}),
    "half an object": (b'{"data":[{"e":"pv"', {}),
    "two values": (b"{} {}", {}),
}
#: Bodies that are no JSON; a form or lines may make an event of nothing known of some of them.
NO_JSON: dict[str, bytes] = {
    "Protobuf": b"\x0a\x8b\x01\x0a\x12\x0a\x10\x0a\x0cservice.name",
    "bytes": bytes(range(128, 256)),
    "a word": b"hello",
    "base64 of nothing": b"data=",
    "broken base64": b"data=%%%",
    "base64 with a hole": b"data=aGVs!bG8=",
    "base64 of half a list": b"data=" + quote(base64.b64encode(b'{"batch":[').decode()).encode(),
    "base64 of bytes": b"data=" + quote(base64.b64encode(bytes(range(256))).decode()).encode(),
    "too many fields": b"&".join(b"f%d=1" % number for number in range(600)),
    "half a percent sign": b"a=%FF%FE",
    "too many lines": b"a=1\n" * 2000,
}
BODIES = [(tracker, route) for tracker in trackers.NAMES for route in trackers.find(tracker).routes]
SHAPES = {(tracker, route.method, route.events, route.list_at, bool(route.levels)): route for tracker, route in BODIES}
ROUTES = [(key[0], route) for key, route in SHAPES.items()]
IDS = [f"{tracker} {route.method} {route.path} {route.events}" for tracker, route in ROUTES]
every_route = pytest.mark.parametrize(("tracker", "route"), ROUTES, ids=IDS)
with_body = pytest.mark.parametrize(
    ("tracker", "route"),
    [item for item in ROUTES if item[1].events != "query"],
    ids=[name for name, item in zip(IDS, ROUTES, strict=True) if item[1].events != "query"],
)


@pytest.fixture(scope="module")
def service(lasting_service: ConsentService) -> ConsentService:
    """Nothing here changes it."""
    return lasting_service


def _nothing_passes(gate: Gate, request: TrackerRequest) -> Reason:
    filtered = gate.filter(request)
    assert filtered.accepted == []
    assert filtered.counts.accepted == 0
    reasons = set(filtered.counts.dropped)
    assert len(reasons) == 1
    assert reasons <= set(BROKEN)
    return reasons.pop()


@with_body
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_is_counted_and_stays(
    service: ConsentService, tracker: str, route: Route, name: str
) -> None:
    body, headers = UNREADABLE[name]
    gate = service.gate(tracker, body_limit_bytes=LIMIT_BYTES)
    token = {"X-Consent-Token": service.token()}
    _nothing_passes(gate, TrackerRequest(route.method, route.path, {**headers, **token}, body))
    line = json.dumps(
        {
            "method": route.method, "path": route.path, "headers": {**headers, **token},
            "body_base64": base64.b64encode(body).decode(),
        }
    ).encode()  # fmt: skip
    if tracker != "plain":
        assert gate.line(line) == b""
        assert sum(gate.counts.dropped.values()) == 1


@with_body
@pytest.mark.parametrize("name", NO_JSON)
def test_a_body_that_is_no_json_passes_no_text_of_it(
    service: ConsentService, tracker: str, route: Route, name: str
) -> None:
    gate = service.gate(tracker)
    headers = {"X-Consent-Token": service.token(), "Content-Type": "application/x-protobuf"}
    filtered = gate.filter(TrackerRequest(route.method, route.path, headers, NO_JSON[name]))
    table = trackers.find(tracker)
    takes_forms = any(
        item.path == route.path and item.packed_in is None and item.events in ("form", "lines") for item in table.routes
    )
    if not takes_forms or table.type_field:
        assert filtered.accepted == []
        assert set(filtered.counts.dropped) <= set(BROKEN)
        assert filtered.counts.dropped
    for accepted in filtered.accepted:
        assert accepted.body in (b"", None)


def test_protobuf_is_named_as_such(service: ConsentService) -> None:
    headers = {"X-Consent-Token": service.token(), "Content-Type": "application/x-protobuf"}
    request = TrackerRequest("POST", "/v1/traces", headers, NO_JSON["Protobuf"])
    assert _nothing_passes(service.gate("otlp"), request) is Reason.ENCODING_UNKNOWN


def test_a_compression_that_nobody_reads_is_named_as_such(service: ConsentService) -> None:
    request = TrackerRequest("POST", "/e/?compression=lz64", {"X-Consent-Token": service.token()}, b'{"batch":[]}')
    assert _nothing_passes(service.gate("posthog"), request) is Reason.ENCODING_UNKNOWN


@every_route
@pytest.mark.parametrize("query", ["a=%FF", "&".join(f"f{number}=1" for number in range(600))], ids=["bytes", "many"])
def test_a_query_that_cannot_be_read_is_counted_and_stays(
    service: ConsentService, tracker: str, route: Route, query: str
) -> None:
    request = TrackerRequest(route.method, f"{route.path}?{query}", {"X-Consent-Token": service.token()}, b"")
    assert _nothing_passes(service.gate(tracker), request) is Reason.EVENT_MALFORMED


@every_route
@pytest.mark.parametrize("value", [None, 5, "x", True, [], {}, [None], [5], ["x"], [[]], [{}], {"": None}])
def test_values_in_the_events_places_are_dropped_or_empty(
    service: ConsentService, tracker: str, route: Route, value: object
) -> None:
    gate, headers = service.gate(tracker), {"X-Consent-Token": service.token()}
    bodies = [value, {route.list_at or "data": value, **route.envelope}, {route.list_at or "data": [value]}]
    for level in route.levels:
        bodies.append({route.levels[0].list_at: [{level.list_at: value, "resource": value, "scope": value}]})
    for body in bodies:
        filtered = gate.filter(TrackerRequest(route.method, route.path, headers, json.dumps(body)))
        for accepted in filtered.accepted:
            assert all(event.keys() <= {"consent"} for event in accepted.events)


@every_route
def test_odd_values_of_every_field_raise_nothing(service: ConsentService, tracker: str, route: Route) -> None:
    table, gate, token = trackers.find(tracker), service.gate(tracker), service.token()
    kind = next(iter(sorted(table.types)), "x")
    request = marked_request(table, route, token, Choices(kind, [], "header", ""))
    text = json.dumps(request.line)
    for odd in ("null", "{}", "[]", "[[1]]", '{"a":{"b":1}}', '[{"a":1}]', "1e308", "9007199254740993", '"\\u0000"'):
        body = request.line.get("body")
        if body is None or not body.startswith(("{", "[")):
            continue
        for mark in ("mark00001x", "mark00009x", "mark00015x"):
            changed = json.loads(text) | {"body": body.replace(f'"{mark}"', odd)}
            out = gate.line(json.dumps(changed).encode()) if tracker != "plain" else gate.line(changed["body"].encode())
            assert token not in out.decode()


@with_body
def test_of_a_key_given_twice_one_stays_and_the_other_is_nowhere(
    service: ConsentService, tracker: str, route: Route
) -> None:
    if route.events != "body" or route.items == "query":
        return
    table = trackers.find(tracker)
    kind = next(iter(sorted(table.types)), "x")
    request = marked_request(table, route, service.token(acquire=[]), Choices(kind, [], "header", ""))
    kept = request.marks.by_category["event"]
    body = str(request.line["body"]).replace('"zz unknown":', '"zz unknown":"first-secret","zz unknown":')
    gate = service.gate(tracker)
    filtered = gate.filter(TrackerRequest(route.method, route.path, request.line["headers"], body))
    (accepted,) = filtered.accepted
    out = "\n".join(everything_in((accepted.body or b"").decode()))
    assert "first-secret" not in out
    assert any(mark in out for mark in kept)


@every_route
def test_huge_fields_and_tokens_raise_nothing(service: ConsentService, tracker: str, route: Route) -> None:
    table = trackers.find(tracker)
    kind = next(iter(sorted(table.types)), "x")
    token, huge = service.token(), "x" * 1_000_000
    for carrier, filling in (("field", huge), ("header", huge), ("query", huge), ("cookie", huge), ("header", token)):
        choices = Choices(kind, ["n" * 100_000], carrier, table.token_fields[0])
        request = marked_request(table, route, filling, choices).line
        filtered = service.gate(tracker).filter(
            TrackerRequest(request["method"], request["path"], request["headers"], request["body"])
        )
        assert bool(filtered.accepted) is (filling is token)
        if filling is huge:
            assert set(filtered.counts.dropped) <= {Reason.TOKEN_OVERSIZED, Reason.BODY_TOO_LARGE}
        assert all(len(name) <= 80 for name in filtered.counts.stripped)

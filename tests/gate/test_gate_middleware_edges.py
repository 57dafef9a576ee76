"""What no server shows easily: other kinds of connections, clients that leave, prefixes, mixed batches, leaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.applications import Asgi, Wsgi, call_asgi, call_wsgi, in_a_loop
from support.consent import ConsentService
from support.marked_requests import Choices, everything_in, marked_request

from cookiegate.gate import Gate, Reason, trackers
from cookiegate.gate.adapters import asgi, wsgi
from cookiegate.policy.document import CATEGORIES


def shown(seen: dict[str, Any]) -> str:
    """All that an application saw, unfolded."""
    parts = [value if isinstance(value, str) else repr(value) for value in seen.values()]
    parts.append(seen["body"].decode())
    parts += [value.decode() for _, value in seen.get("headers", ())]
    parts.append(seen.get("query_string", b"").decode())
    return "\n".join(found for part in parts for found in everything_in(part))


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_s07_an_application_sees_no_value_of_an_ungranted_field(
    lasting_service: ConsentService, interface: str, data: st.DataObject
) -> None:
    tracker = data.draw(st.sampled_from(trackers.NAMES))
    table = trackers.find(tracker)
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    choices = Choices(
        kind=data.draw(st.sampled_from(sorted(table.types) or ["pageview"])),
        unknown=["zz"],
        carrier=data.draw(st.sampled_from(["field", "header", "query", "cookie"])),
        token_field=table.token_fields[0],
        packing=data.draw(st.sampled_from(["", "header", "magic"])),
    )
    token = lasting_service.token(acquire=sorted(granted))
    request = marked_request(table, data.draw(st.sampled_from(table.routes)), token, choices)
    gate = lasting_service.gate(tracker)
    if interface == "wsgi":
        seen = Wsgi()
        call_wsgi(wsgi.GateMiddleware(seen, gate), request.line)
        records = seen.seen
    else:
        other = Asgi()
        call_asgi(asgi.GateMiddleware(other, gate), request.line)
        records = other.seen
    assert records
    out = "\n".join(shown(record) for record in records)
    for category, values in request.marks.by_category.items():
        if category not in granted | {"event"}:
            assert not [value for value in values if value in out], category
    assert token not in out


def plain(service: ConsentService, *acquires: str, path: str = "/events") -> dict[str, Any]:
    """A batch whose events go by tokens of their own."""
    events = [
        {"event": "e", "language": "ja", "screen": "1x1", "consent_token": service.token(acquire=[item])}
        for item in acquires
    ]
    return {"method": "POST", "path": path, "ip": "203.0.113.7", "body": json.dumps(events)}


def test_a_mixed_batch_is_a_request_for_each_grant(lasting_service: ConsentService) -> None:
    line = plain(lasting_service, "language", "screen")
    seen = Wsgi()
    app = wsgi.GateMiddleware(seen, lasting_service.gate())
    status, headers, body = call_wsgi(app, line)
    assert [set(json.loads(item["body"])[0]) - {"consent"} for item in seen.seen] == [
        {"event", "language"}, {"event", "screen"},
    ]  # fmt: skip
    assert (status, headers["X-Number"], body) == ("200 OK", "2", b"answer 2")
    assert app.counts.accepted == 2
    other = Asgi()
    call_asgi(asgi.GateMiddleware(other, lasting_service.gate()), line)
    assert len(other.seen) == 2


def test_the_first_failure_is_told_and_the_rest_is_not_sent(lasting_service: ConsentService) -> None:
    line = plain(lasting_service, "language", "screen")
    seen = Wsgi("503 Busy")
    status, headers, body = call_wsgi(wsgi.GateMiddleware(seen, lasting_service.gate()), line)
    assert (status, headers["X-Number"], body, len(seen.seen)) == ("503 Busy", "1", b"answer 1", 1)
    other = Asgi(503)
    sent = call_asgi(asgi.GateMiddleware(other, lasting_service.gate()), line)
    assert (sent[0]["status"], sent[1]["body"], len(other.seen)) == (503, b"answer", 1)


def test_a_prefix_guards_all_below_it(lasting_service: ConsentService) -> None:
    for gate in (lasting_service.gate(), lasting_service.gate(mounts=("/in",))):
        seen = Wsgi()
        app = wsgi.GateMiddleware(seen, gate, paths=("/in",))
        call_wsgi(app, plain(lasting_service, "language", path="/in/events"))
        assert [item["PATH_INFO"] for item in seen.seen] == ["/in/events"]
        for path in ("/in/other", "/IN/events", "//in/events", "/in/;x/events", "/in\\events", "/x/../in/events"):
            call_wsgi(app, plain(lasting_service, "language", path=path))
        assert len(seen.seen) == 1
        call_wsgi(app, plain(lasting_service, "language", path="/inner"))
        assert len(seen.seen) == 2
        everything = wsgi.GateMiddleware(seen, gate, paths=("/",))
        call_wsgi(everything, plain(lasting_service, "language", path="/inner"))
        assert len(seen.seen) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/count/x", "/count;x/y", "/a/..;/count", "/;a/count", "/x/;/../count", "/count/../login", "/count ",
        "/count\0", "//COUNT//x",
    ],
)  # fmt: skip
def test_what_is_below_a_known_address_or_may_be_taken_for_it_is_guarded(
    lasting_service: ConsentService, path: str
) -> None:
    line = {"method": "POST", "path": path, "body": "marked"}
    seen, other = Wsgi(), Asgi()
    status, headers, _ = call_wsgi(wsgi.GateMiddleware(seen, lasting_service.gate("goatcounter")), line)
    assert (status, headers["X-Consent-Reason"], seen.seen) == ("200 OK", "tracker_mismatch", [])
    call_asgi(asgi.GateMiddleware(other, lasting_service.gate("goatcounter")), line)
    assert other.seen == []


def test_addresses_that_no_table_knows_are_the_applications_own_unless_named(lasting_service: ConsentService) -> None:
    gate, flags = lasting_service.gate("posthog"), {"method": "POST", "path": "/flags/", "body": "{}"}
    seen = Wsgi()
    call_wsgi(wsgi.GateMiddleware(seen, gate), {**flags, "path": "/login"})
    assert [item["PATH_INFO"] for item in seen.seen] == ["/login"]
    named = wsgi.GateMiddleware(seen, gate, paths=("/e", "/i", "/batch", "/capture", "/flags", "/s"))
    call_wsgi(named, flags)
    assert len(seen.seen) == 1
    event = {"event": "$pageview", "properties": {"consent_token": lasting_service.token()}}
    call_wsgi(named, {"method": "POST", "path": "/e/", "body": json.dumps(event)})
    assert [item["PATH_INFO"] for item in seen.seen[1:]] == ["/e/"]


def test_a_preflight_over_asgi_hears_of_the_end_and_of_no_body(lasting_service: ConsentService) -> None:
    heard: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([scope, await receive(), await receive()])

    headers = {"Access-Control-Request-Method": "POST", "Origin": "http://shop.test", "Cookie": "marked"}
    line = {"method": "OPTIONS", "path": "/events?u=marked", "headers": headers, "body": "marked", "ip": "marked"}
    call_asgi(asgi.GateMiddleware(app, lasting_service.gate()), line)
    assert "marked" not in repr(heard)
    assert heard[1:] == [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]


def test_a_verifier_with_tracker_and_purpose_will_do(lasting_service: ConsentService) -> None:
    verifier = lasting_service.verifier()
    for make in (wsgi.GateMiddleware, asgi.GateMiddleware):
        make(lambda *_: [], verifier, tracker="plain", purpose="analytics")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="tracker and the purpose"):
            make(lambda *_: [], verifier)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="already"):
            make(lambda *_: [], Gate(verifier, purpose="analytics"), tracker="plain")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="slash"):
            make(lambda *_: [], Gate(verifier, purpose="analytics"), paths=("in",))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="origins is a list of texts"):
            make(lambda *_: [], Gate(verifier, purpose="analytics"), origins="https://shop.test")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_connections_reach_the_application_as_they_are(lasting_service: ConsentService, kind: str) -> None:
    got: list[Any] = []

    async def app(*args: Any) -> None:
        got.append(args)

    given_args = ({"type": kind, "path": "/events"}, object(), object())
    in_a_loop(asgi.GateMiddleware(app, lasting_service.gate())(*given_args))  # type: ignore[arg-type]
    assert got[0] == given_args


def test_a_client_that_leaves_passes_nothing(lasting_service: ConsentService) -> None:
    seen = Asgi()
    app = asgi.GateMiddleware(seen, lasting_service.gate())
    line = plain(lasting_service, "language")
    half = {"type": "http.request", "body": line["body"].encode(), "more_body": True}
    assert call_asgi(app, line, half, {"type": "http.disconnect"}) == []
    assert seen.seen == []
    short = {**line, "headers": {"Content-Length": "9999"}}
    assert call_asgi(app, short) == []
    assert seen.seen == []
    assert app.counts.dropped == {Reason.EVENT_MALFORMED: 2}


def test_the_application_hears_of_a_client_that_leaves_later(lasting_service: ConsentService) -> None:
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            heard.append((await receive())["type"])

    call_asgi(asgi.GateMiddleware(app, lasting_service.gate()), plain(lasting_service, "language"))
    assert heard == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"2"), (b"content-length", b"3")], [(b"content-length", b"2,3")],
        [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")], [(b"content-length", b"-1")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], [(b"transfer-encoding", b"gzip")],
    ],
)  # fmt: skip
def test_a_length_that_is_told_in_two_ways_is_refused(
    lasting_service: ConsentService, headers: list[tuple[bytes, bytes]]
) -> None:
    seen, sent = Asgi(), []
    scope = {"type": "http", "method": "POST", "path": "/events", "query_string": b"", "headers": headers}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    in_a_loop(asgi.GateMiddleware(seen, lasting_service.gate())(scope, receive, send))
    assert (sent[0]["status"], seen.seen) == (400, [])
    if len({name for name, _ in headers}) == len(headers):
        line = {**plain(lasting_service, "language"), "headers": {}}
        environ = {name.decode().upper().replace("-", "_"): value.decode() for name, value in headers}
        line["headers"] = {"Transfer-Encoding": environ["TRANSFER_ENCODING"]} if "TRANSFER_ENCODING" in environ else {}
        other = Wsgi()

        def with_length(found: dict[str, Any], start: Any) -> Any:
            kept = {**found, "CONTENT_LENGTH": environ.get("CONTENT_LENGTH", "")}
            return wsgi.GateMiddleware(other, lasting_service.gate())(kept, start)

        assert call_wsgi(with_length, line)[0].startswith("400")
        assert other.seen == []

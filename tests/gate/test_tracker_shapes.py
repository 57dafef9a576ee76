"""Where events are in a request, shape by shape: batches that mix tokens, packings, what stands around the events."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

import pytest
from support.consent import SUB, ConsentService
from support.tracker_fixtures import Fixture, fixtures

from cookiegate.gate import AcceptedRequest, Filtered, Reason, TrackerRequest, trackers
from cookiegate.gate.shapes import join

OTHER = "o" * 22


@pytest.fixture(scope="module")
def service(lasting_service: ConsentService) -> ConsentService:
    """Nothing here changes it."""
    return lasting_service


def _fixture(name: str) -> Fixture:
    return next(item for item in fixtures() if f"{item.tracker}/{item.shape}" == name)


def _filter(service: ConsentService, tracker: str, path: str, body: Any, **headers: str) -> Filtered:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return service.gate(tracker).filter(TrackerRequest("POST", path, headers, data))


def _body(accepted: AcceptedRequest) -> Any:
    return json.loads(accepted.body or b"null")


#: A batch of three events, the token of each in its own place.
def _batch(tracker: str, tokens: list[str]) -> tuple[str, Any]:
    if tracker == "posthog":
        events = [{"event": "e", "properties": {"consent_token": token, "$os": "X", "title": "T"}} for token in tokens]
        return "/e/", {"api_key": "k", "batch": events, "sent_at": "2026-11-18T11:06:40Z", "secret": 1}
    if tracker in ("segment", "rudderstack"):
        context = {"os": {"name": "X"}, "page": {"title": "T"}}
        calls = [{"type": "track", "context": {**context, "consent": {"token": token}}} for token in tokens]
        return "/v1/batch", {"writeKey": "k", "batch": calls, "secret": 1}
    if tracker == "umami":
        payloads = [{"website": "w", "title": "T", "userAgent": "X", "consent_token": token} for token in tokens]
        return "/api/batch", [{"type": "event", "payload": payload} for payload in payloads]
    if tracker == "matomo":
        return "/matomo.php", {"requests": [f"?action_name=T&ua=X&rec=1&ct={token}" for token in tokens]}
    if tracker == "ga4":
        lines = [urlencode({"en": "e", "dt": "T", "ep.consent_token": token}) for token in tokens]
        return "/g/collect?uap=X&dl=http%3A%2F%2Fshop.test", "\r\n".join(lines)
    if tracker == "snowplow":
        events = [{"e": "pv", "page": "T", "ua": "X", "consent_token": token} for token in tokens]
        schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
        return "/com.snowplowanalytics.snowplow/tp2", {"schema": schema, "data": events}
    spans = [{"name": "n", "attributes": _attributes({"consent_token": token, "page.title": "T"})} for token in tokens]
    resource = {"attributes": _attributes({"os.name": "X", "service.name": "shop"})}
    scopes = [{"scope": {"name": "s"}, "spans": spans}]
    return "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def _attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


BATCHES = ["ga4", "matomo", "otlp", "posthog", "rudderstack", "segment", "snowplow", "umami"]


@pytest.mark.parametrize("tracker", BATCHES)
def test_a_batch_that_mixes_tokens_is_decided_event_by_event(service: ConsentService, tracker: str) -> None:
    mine, other = service.token(acquire=["device"]), service.token(acquire=["browsing"], sub=OTHER)
    path, body = _batch(tracker, [mine, other, "bad", service.token(scope=["security"]), mine])
    filtered = _filter(service, tracker, path, body)
    assert filtered.counts.accepted == 3
    assert dict(filtered.counts.dropped) == {Reason.TOKEN_MALFORMED: 1, Reason.PURPOSE_NOT_GRANTED: 1}
    first, second = filtered.accepted
    assert (len(first.events), len(second.events)) == (2, 1)
    assert (first.claims.sub, second.claims.sub) == (SUB, OTHER)
    mine_out, other_out = first.to_line().decode(), second.to_line().decode()
    for out, granted, refused in ((mine_out, "X", "T"), (other_out, "T", "X")):
        assert _value(out, granted)
        assert not _value(out, refused)


def _value(line: str, value: str) -> bool:
    plain = line.replace('\\"', '"')
    return any(part in plain for part in (f'"{value}"', f"={value}&", f"={value}\\r", f'={value}"', f"={value}\\n"))


@pytest.mark.parametrize("tracker", BATCHES)
def test_parts_of_a_batch_become_one_body_again(service: ConsentService, tracker: str) -> None:
    tokens = [service.token(acquire=["device"]), service.token(acquire=["browsing"], sub=OTHER)]
    path, body = _batch(tracker, tokens)
    filtered = _filter(service, tracker, path, body)
    route = next(item for item in trackers.find(tracker).routes if item.path == path.partition("?")[0] and _fits(item))
    parts = [accepted.body or b"" for accepted in filtered.accepted]
    joined = join(route, parts)
    assert join(route, parts[:1]) == parts[0]
    if tracker == "ga4":
        assert joined.splitlines() == [b"en=e", b"en=e&dt=T"]
        return
    whole = json.loads(joined)
    if tracker == "otlp":
        # What a resource says was granted by one of them only.
        assert [item["resource"]["attributes"] for item in whole["resourceSpans"]] == [
            _attributes({"os.name": "X", "service.name": "shop"}), _attributes({"service.name": "shop"}),
        ]  # fmt: skip
        return
    events = whole if isinstance(whole, list) else whole[route.list_at]
    assert len(events) == 2
    if isinstance(whole, dict):
        assert whole.keys() <= {route.list_at, *route.members, *route.envelope}


def _fits(route: Any) -> bool:
    return route.events in ("lines", "body") and route.method == "POST"


def test_members_around_a_batch_stay_if_they_are_known(service: ConsentService) -> None:
    path, body = _batch("posthog", [service.token()])
    filtered = _filter(service, "posthog", path, body)
    assert _body(filtered.accepted[0]).keys() == {"api_key", "batch", "sent_at"}
    assert filtered.counts.stripped["secret"] == 1


@pytest.mark.parametrize("packing", ["plain", "header", "magic", "form"])
def test_one_event_comes_the_same_out_of_every_packing(service: ConsentService, packing: str) -> None:
    event = {"event": "e", "properties": {"consent_token": service.token(), "$os": "X", "plan": "gold"}}
    text, path, headers = json.dumps(event).encode(), "/e/", {}
    if packing in ("header", "magic"):
        text, path = gzip.compress(text), "/e/?compression=gzip-js&ver=1"
        headers = {"Content-Encoding": "gzip"} if packing == "header" else {}
    elif packing == "form":
        text, path = f"data={quote(base64.b64encode(text).decode())}".encode(), "/e/?compression=base64"
    filtered = _filter(service, "posthog", path, text, **headers, **{"Content-Type": "text/plain"})
    (accepted,) = filtered.accepted
    assert _body(accepted) == {"event": "e", "properties": {"$os": "X"}}
    assert accepted.path == "/e/"
    assert accepted.headers == {"content-type": "application/json"}
    assert "query compression" not in filtered.counts.stripped


def test_a_list_of_events_and_one_event_stay_what_they_were(service: ConsentService) -> None:
    token = {"X-Consent-Token": service.token()}
    for body in ([{"event": "e"}, {"event": "f"}], {"event": "e"}, {"batch": [{"event": "e"}]}):
        assert _body(_filter(service, "posthog", "/e/", body, **token).accepted[0]) == body


def test_own_token_of_an_event_decides_before_the_requests(service: ConsentService) -> None:
    event = {"event": "e", "properties": {"consent_token": "bad"}}
    filtered = _filter(service, "posthog", "/e/", event, **{"X-Consent-Token": service.token()})
    assert dict(filtered.counts.dropped) == {Reason.TOKEN_MALFORMED: 1}


def test_a_form_stays_a_form_and_a_query_stays_a_query(service: ConsentService) -> None:
    event = {
        "idsite": "1",
        "rec": "1",
        "url": "http://shop.test/?a=1&b=ü",
        "res": "1x1",
        "ct": service.token(acquire=["browsing"]),
    }
    (accepted,) = _filter(service, "matomo", "/matomo.php", urlencode(event)).accepted
    kept = {"idsite": "1", "rec": "1", "url": "http://shop.test/?a=1&b=ü"}
    assert dict(parse_qsl((accepted.body or b"").decode())) == kept
    (accepted,) = _filter(service, "matomo", f"/matomo.php?{urlencode(event)}", "").accepted
    assert accepted.body is None
    path, _, query = accepted.path.partition("?")
    assert (path, dict(parse_qsl(query))) == ("/matomo.php", kept)


def test_parameters_beside_a_form_are_not_the_events(service: ConsentService) -> None:
    filtered = _filter(service, "matomo", "/matomo.php?cid=1", "rec=1", **{"X-Consent-Token": service.token()})
    assert filtered.accepted[0].path == "/matomo.php"
    assert filtered.counts.stripped["query cid"] == 1


def test_shared_fields_of_lines_stay_in_the_address(service: ConsentService) -> None:
    fixture = _fixture("ga4/lines")
    (accepted,) = service.gate("ga4").filter(fixture.request(service.token(acquire=["screen"]))).accepted
    shared = parse_qs(accepted.path.partition("?")[2])
    assert shared["sr"] == ["1280x720"]
    assert not shared.keys() & {"cid", "dl", "en"}
    lines = (accepted.body or b"").decode().split("\r\n")
    assert [parse_qs(line)["en"] for line in lines] == [["page_view"], ["purchase"]]


def test_a_line_that_says_otherwise_than_the_address_keeps_its_own(service: ConsentService) -> None:
    token = {"X-Consent-Token": service.token()}
    filtered = _filter(service, "ga4", "/g/collect?en=e&dt=One", "dt=Two\ndp=x", **token)
    (accepted,) = filtered.accepted
    assert accepted.path == "/g/collect?en=e&dt=One"
    assert accepted.body == b"dt=Two\ndp=x"


def test_nested_events_keep_their_places(service: ConsentService) -> None:
    def spans(*names: str) -> list[dict[str, Any]]:
        return [{"name": name} for name in names]

    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": "a"})}, "schemaUrl": "u1",
                "scopeSpans": [
                    {"scope": {"name": "s1"}, "spans": spans("1", "2"), "schemaUrl": "u2"},
                    {"scope": {"name": "s2"}, "spans": spans("3")},
                ],
            },
            {"scopeSpans": [{"spans": []}, {"spans": spans("4")}]},
        ]
    }  # fmt: skip
    (accepted,) = _filter(service, "otlp", "/v1/traces", body, **{"X-Consent-Token": service.token()}).accepted
    body["resourceSpans"][1]["scopeSpans"] = [{"spans": spans("4")}]
    assert _body(accepted) == body


def test_a_span_cannot_pass_for_its_resource(service: ConsentService) -> None:
    forged = {"name": "n", "resource": {"attributes": {"service.name": "x"}}, "scope": {"name": "y"}}
    body = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "s"}, "spans": [forged]}]}]}
    (accepted,) = _filter(service, "otlp", "/v1/traces", body, **{"X-Consent-Token": service.token()}).accepted
    assert _body(accepted)["resourceSpans"][0]["scopeSpans"][0] == {"scope": {"name": "s"}, "spans": [{"name": "n"}]}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"intValue": "5"}, {"intValue": 5}),
        ({"intValue": 5}, {"intValue": 5}),
        ({"doubleValue": 5}, {"doubleValue": 5.0}),
        ({"boolValue": True}, {"boolValue": True}),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": 1}]}},) * 2,
        ({"arrayValue": {}}, {"arrayValue": {"values": []}}),
        ({"stringValue": 5}, None),
        ({"intValue": "x"}, None),
        ({"intValue": "9" * 30}, None),
        ({"intValue": 2**63}, None),
        ({"bytesValue": "AA=="}, None),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}, None),
        ({"arrayValue": {"values": [{"arrayValue": {"values": []}}]}}, None),
        ({"stringValue": "a", "intValue": 1}, None),
        ("a", None),
        (None, None),
    ],
)
def test_typed_values_stay_what_they_are_or_go(service: ConsentService, value: Any, kept: Any) -> None:
    span = {"name": "n", "attributes": [{"key": "url.path", "value": value}]}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    filtered = _filter(service, "otlp", "/v1/traces", body, **{"X-Consent-Token": service.token()})
    (event,) = filtered.accepted[0].events
    assert event.get("attributes", [{}])[0].get("value") == kept
    assert filtered.counts.stripped["attributes.url.path"] == (kept is None)


def test_attributes_pass_once_the_policy_maps_them(service: ConsentService) -> None:
    span = {"name": "n", "attributes": _attributes({"app.plan": "gold", "app.plan.until": "2027"})}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    gate = service.gate("otlp", fields={"attributes.app.plan": "event", "body": "event"})
    headers = {"X-Consent-Token": service.token(acquire=[])}
    (accepted,) = gate.filter(TrackerRequest("POST", "/v1/traces", headers, json.dumps(body))).accepted
    assert accepted.events == [{"name": "n", "attributes": _attributes({"app.plan": "gold"})}]
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "bought"}}]}]}]}
    (accepted,) = gate.filter(TrackerRequest("POST", "/v1/logs", headers, json.dumps(logs))).accepted
    assert accepted.events == [{"body": {"stringValue": "bought"}}]


def test_parameters_with_dots_in_their_names_pass_once_mapped(service: ConsentService) -> None:
    gate = service.gate("ga4", fields={"ep.plan": "event"})
    request = _fixture("ga4/lines").request(service.token(acquire=[]))
    assert b"ep.plan=gold" in (gate.filter(request).accepted[0].body or b"")


def test_an_id_in_a_header_goes_with_the_identifier(service: ConsentService) -> None:
    fixture = _fixture("rudderstack/single")
    for acquire, there in ((["identifier"], True), (["device"], False)):
        (accepted,) = service.gate("rudderstack").filter(fixture.request(service.token(acquire=acquire))).accepted
        assert ("anonymousid" in accepted.headers) is there
        assert accepted.headers["authorization"] == "Basic d2tfbWFkZV91cDo="


@pytest.mark.parametrize("tracker", trackers.NAMES)
def test_answers_content_the_tracker(tracker: str) -> None:
    for route in trackers.find(tracker).routes:
        assert route.answer.status in (200, 202, 204)
        assert route.answer.status != 204 or route.answer.body == b""
        if route.answer.headers.get("content-type") == "application/json":
            json.loads(route.answer.body)


@pytest.mark.parametrize("tracker", trackers.NAMES)
def test_tables_hold_what_they_promise(tracker: str) -> None:
    table = trackers.find(tracker)
    known = {*table.fields, *table.token_fields}
    assert set(table.id_fields) <= known
    assert set(table.binding_same) <= set(table.binding_fields) <= known
    assert {item.path for item in table.time_fields} <= known
    assert all(name == name.lower() for name in (*table.headers, *table.cookies))
    assert table.type_field is None or table.type_field in table.fields


def test_an_address_of_another_type_is_no_event(service: ConsentService) -> None:
    headers = {"X-Consent-Token": service.token()}
    for tracker, path in (("jitsu", "/api/s/other"), ("posthog", "/flags/"), ("posthog", "/s/"), ("segment", "/v1/z")):
        filtered = service.gate(tracker).filter(TrackerRequest("POST", path, headers, "{}"))
        assert dict(filtered.counts.dropped) == {Reason.TRACKER_MISMATCH: 1}
    call = {"type": "invented", "anonymousId": "a"}
    filtered = _filter(service, "segment", "/v1/t", call, **headers)
    assert dict(filtered.counts.dropped) == {Reason.EVENT_UNKNOWN: 1}


def test_a_bulk_request_of_matomo_is_answered_as_matomo_answers_it(service: ConsentService) -> None:
    gate = service.gate("matomo")
    answers = {
        fixture.shape: gate.answer(fixture.request(None)) for fixture in fixtures() if fixture.tracker == "matomo"
    }
    assert {shape: answer.status for shape, answer in answers.items()} == {
        "beacon": 204, "bulk": 200, "form": 204, "image": 200,
    }  # fmt: skip
    assert json.loads(answers["bulk"].body)["status"] == "success"
    assert answers["bulk"].headers == {"content-type": "application/json"}
    broken = TrackerRequest("POST", "/matomo.php", {"Content-Encoding": "br"}, b"x")
    assert gate.answer(broken).status == gate.answer(TrackerRequest("PUT", "/nowhere")).status == 204

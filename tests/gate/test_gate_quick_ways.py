"""Requests that the quick way takes: it and the thorough way must not be told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService
from support.gates import NAMES, changed, shown, thorough
from support.marked_requests import Choices, everything_in, marked_request
from support.tracker_fixtures import Fixture, fixtures

from cookiegate.clock import rfc3339
from cookiegate.gate import Reason, TrackerRequest, trackers
from cookiegate.policy.document import CATEGORIES


@pytest.mark.parametrize("tracker", trackers.NAMES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_quick_and_thorough_ways_give_the_same_requests_and_counts(
    service: ConsentService, tracker: str, data: st.DataObject
) -> None:
    table = trackers.find(tracker)
    rule = {"ip_when_refused": data.draw(st.sampled_from(["drop", "truncate"]))}
    quick, slow = service.gate(tracker, **rule), thorough(service.gate(tracker, **rule))
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    token, other = service.token(acquire=sorted(granted)), service.token(acquire=["browsing"], sub="o" * 22)
    for _ in range(data.draw(st.integers(1, 3))):
        request = _request(table, data, token)
        body = request.get("body")
        if isinstance(body, str) and body.startswith(("{", "[")):
            for _ in range(data.draw(st.integers(0, 2))):
                body = json.dumps(changed(json.loads(body), data))
            if data.draw(st.integers(0, 4)) == 0:
                body = body.replace(token, other, 1)
            if data.draw(st.integers(0, 4)) == 0:
                body = body.replace('"batch"', '"\\u0062atch"')
            request["body"] = body
        line = json.dumps(request).encode()
        for _ in range(2):  # the second time, its names are known
            assert shown(quick, line) == shown(slow, line)


def _request(table: Any, data: st.DataObject, token: str) -> dict[str, Any]:
    choices = Choices(
        kind=data.draw(st.sampled_from([*sorted(table.types), "pageview"])),
        unknown=data.draw(st.lists(st.sampled_from(NAMES[1:]), max_size=2)),
        carrier=data.draw(st.sampled_from(["field", "field", "header"])),
        token_field=data.draw(st.sampled_from(table.token_fields)),
    )
    route = data.draw(st.sampled_from([route for route in table.routes if route.events == "body"] or table.routes))
    line = marked_request(table, route, token, choices).line
    body = line.get("body")
    if isinstance(body, str) and body.startswith("{") and route.list_at and data.draw(st.booleans()):
        read = json.loads(body)
        if isinstance(read.get(route.list_at), list):
            line["body"] = json.dumps({**read, route.list_at: read[route.list_at] * data.draw(st.integers(0, 3))})
    return line


@pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: f"{fixture.tracker}-{fixture.shape}")
def test_what_trackers_really_send_goes_the_quick_way(service: ConsentService, fixture: Fixture) -> None:
    gate = service.gate(fixture.tracker)
    filtered = gate.filter(fixture.request(service.token()))
    for accepted in filtered.accepted:
        assert accepted.route is not None
        assert (accepted.kept is None) == (accepted.route in gate.projections.routes)
    assert filtered.accepted or fixture.tracker in ("ga4", "snowplow")


def test_a_list_under_a_spelt_out_name_is_not_taken_for_one_event(service: ConsentService) -> None:
    quick, slow, token = service.gate("posthog"), thorough(service.gate("posthog")), service.token()
    event = {"event": "x", "properties": {"consent_token": token}}
    wrapped = json.dumps({"batch": [event], **event})
    for body in (
        json.dumps([{"batch": 1, **event}]),
        json.dumps(event),
        wrapped,
        wrapped.replace("batch", "\\u0062atch"),
    ):
        line = json.dumps({"method": "POST", "path": "/e/", "headers": {}, "body": body}).encode()
        for _ in range(2):
            assert shown(quick, line) == shown(slow, line)


@pytest.mark.parametrize("bad", [b'"\xff"', b"1e400", b"-1e400", b'"\\ud800"', b"NaN", b"9" * 5000, b"\xff"])
@pytest.mark.parametrize("name", [b"user_agent", b"url", b"secret"])
def test_a_value_that_is_no_json_drops_the_event_whether_it_is_granted_or_not(
    service: ConsentService, name: bytes, bad: bytes
) -> None:
    token = service.token(acquire=["browsing"])
    gate = service.gate()
    text = b'{"consent_token":"%s","event":"x","%s":%s}'
    assert gate.line(text % (token.encode(), name, b'"text"'))
    assert gate.line(text % (token.encode(), name, b'"text"'))
    assert gate.line(text % (token.encode(), name, bad)) == b""
    assert dict(gate.counts.dropped) == {Reason.EVENT_MALFORMED: 1}
    batch = b'[{"event":"x","%s":%s}]'
    for value, number in ((b'"text"', 1), (b'"text"', 1), (bad, 0)):
        request = TrackerRequest("POST", "/events", {"X-Consent-Token": token}, batch % (name, value))
        assert len(gate.filter(request).accepted) == number


@pytest.mark.parametrize("tracker", ["plain", "segment", "posthog", "umami", "plausible"])
def test_a_token_in_a_granted_text_does_not_pass_the_quick_way(service: ConsentService, tracker: str) -> None:
    table, token = trackers.find(tracker), service.token()
    route = table.usual_route
    kind = next(iter(sorted(table.types)), "x")
    line = marked_request(table, route, token, Choices(kind, [], "field", table.token_fields[0])).line
    gate = service.gate(tracker)
    mark = next(part for part in line["body"].split('"') if part.startswith("mark"))
    for text in (mark, mark, f"http://shop.test/?ct={token}", f"http://shop.test/?ct={rfc3339(0)}"):
        body = line["body"].replace(mark, text)
        (accepted,) = gate.filter(TrackerRequest("POST", route.path, line["headers"], body)).accepted
        assert token not in "\n".join(everything_in((accepted.body or b"").decode()))

"""Single inputs that once told the quick way from the thorough one, or that either took too long for."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from support.consent import ConsentService
from support.gates import thorough

from cookiegate.gate import Gate, TrackerRequest
from cookiegate.gate.request import Filtered
from cookiegate.tokens import base64url
from cookiegate.tokens.claims import TOKEN_LIMIT_CHARS

_SNOWPLOW = "com.snowplowanalytics.snowplow"


def both(
    service: ConsentService, tracker: str, path: str, body: Any, headers: dict[str, str] | None = None, **rules: Any
) -> tuple[Filtered, Filtered]:
    """What both ways make of a body."""
    data = body if isinstance(body, bytes | bytearray) else json.dumps(body, ensure_ascii=False).encode()
    request = TrackerRequest("POST", path, headers or {}, data)
    quick: Gate = service.gate(tracker, **rules)
    return quick.filter(request), thorough(service.gate(tracker, **rules)).filter(request)


def is_quick(filtered: Filtered) -> bool:
    return filtered.accepted[0].kept is None


def payload(*events: dict[str, Any]) -> dict[str, Any]:
    return {"schema": f"iglu:{_SNOWPLOW}/payload_data/jsonschema/1-0-4", "data": [*events]}


@pytest.mark.parametrize("size", [TOKEN_LIMIT_CHARS + 1, 500_000])
def test_what_is_too_long_for_a_token_is_not_looked_for_in_texts(service: ConsentService, size: int) -> None:
    # memcmp at every place: 4.4 s for 500 kB in 1 MB, 0.3 ms by the thorough way.
    body = {"consent_token": service.token(), "url": "a" * 1000}
    quick, slow = both(service, "plain", "/events", body, {"X-Consent-Token": "a" * size + "b"})
    assert not is_quick(quick)
    assert quick.counts == slow.counts


@pytest.mark.parametrize(
    ("tracker", "path", "name"),
    [
        ("posthog", "/e/", "properties.consent_token"),
        ("umami", "/api/send", "payload.consent_token"),
        ("snowplow", f"/{_SNOWPLOW}/tp2", "consent.*"),
    ],
)
def test_a_name_that_spells_a_silent_path_is_counted_alike(
    service: ConsentService, tracker: str, path: str, name: str
) -> None:
    token = service.token()
    event: dict[str, Any] = {
        "posthog": {"event": "$pageview", "properties": {"consent_token": token}, name: "x"},
        "umami": {"type": "event", "payload": {"consent_token": token, "url": "/"}, name: "x"},
        "snowplow": payload({"e": "pv", "consent_token": token, name: "x"}),
    }[tracker]
    quick, slow = both(service, tracker, path, event)
    assert is_quick(quick)
    assert quick.counts == slow.counts


def test_past_so_many_names_known_ones_are_still_named(service: ConsentService) -> None:
    token = service.token(acquire=[])
    events = [{"ip": "192.0.2.1", "consent_token": token, **{f"n{i}_{j}": 1 for j in range(30)}} for i in range(30)]
    quick, slow = both(service, "plain", "/events", events)
    assert slow.counts.stripped["ip"] == 30
    assert quick.counts.stripped["ip"] == 30
    assert quick.counts == slow.counts


@pytest.mark.parametrize("value", ['"\\u00e9"', "1E5", '"\\/"', "-0"])
@pytest.mark.parametrize("field", ["cx", "co"])
def test_what_a_document_says_is_the_same_however_it_is_spelled(
    service: ConsentService, field: str, value: str
) -> None:
    schema = f"iglu:{_SNOWPLOW}/web_page/jsonschema/1-0-0"
    wrapper = f"iglu:{_SNOWPLOW}/contexts/jsonschema/1-0-0"
    text = f'{{"schema":"{wrapper}","data":[{{"schema":"{schema}","data":{{"id":{value}}}}}]}}'
    if field == "cx":
        text = base64url.encode(text.encode())
    event = {"e": "pv", "consent_token": service.token(), field: text}
    quick, slow = both(service, "snowplow", f"/{_SNOWPLOW}/tp2", payload(event))
    assert is_quick(quick)
    left, wanted = (filtered.accepted[0].events[0][field] for filtered in (quick, slow))
    if field == "cx":
        left, wanted = (base64url.decode(text).decode() for text in (left, wanted))
    assert json.loads(left) == json.loads(wanted)


def test_a_deep_path_in_a_policy_takes_the_thorough_way(service: ConsentService) -> None:
    fields = {".".join("a" * 600): "event", "url": "browsing"}
    quick, slow = both(service, "plain", "/events", {"consent_token": service.token(), "url": "x"}, fields=fields)
    assert quick.counts == slow.counts


def test_bytes_that_may_change_take_the_thorough_way(service: ConsentService) -> None:
    body = bytearray(json.dumps({"consent_token": service.token(), "url": "x"}).encode())
    quick, slow = both(service, "plain", "/events", body)
    assert quick.counts == slow.counts


def calls(gate: Gate, request: TrackerRequest) -> int:
    """How many Python functions a request needs."""
    found = 0

    def count(*_: Any) -> None:
        nonlocal found
        found += 1

    sys.setprofile(count)
    try:
        gate.filter(request)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize("has_token", [False, True])
def test_work_does_not_grow_with_what_scopes_share_times_the_scopes(service: ConsentService, has_token: bool) -> None:
    # 48 kB of 900 attributes and 1000 scopes: 0.45 s without any token, 0.85 s with one.
    headers = {"X-Consent-Token": service.token()} if has_token else {}
    found = []
    for size in (100, 200):
        attributes = [{"key": f"k{number}", "value": {"intValue": 1}} for number in range(size)]
        scopes = [{"spans": [{}]}] * size
        body = {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": scopes}]}
        request = TrackerRequest("POST", "/v1/traces", headers, json.dumps(body).encode())
        found.append(calls(service.gate("otlp"), request))
    assert found[1] < 3 * found[0]

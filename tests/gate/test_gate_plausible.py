"""Plausible's events: page views, engagement, goals with properties and revenue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.consent import ConsentService

from cookiegate.gate import Gate, Reason, TrackerRequest

PAGEVIEW = {"n": "pageview", "v": 36, "u": "https://shop.test/?a=1", "d": "shop.test", "r": None}
ENGAGEMENT = {
    "n": "engagement",
    "sd": 40,
    "d": "shop.test",
    "u": "https://shop.test/",
    "p": {},
    "e": 3100,
    "v": 36,
    "h": 1,
}
GOAL = {
    "n": "Purchase", "v": 36, "u": "https://shop.test/", "d": "shop.test", "r": "https://search.test/", "i": False,
    "p": {"plan": "gold", "url": "https://x.test"}, "$": {"currency": "JPY", "amount": 980, "who": "leak"},
}  # fmt: skip


def _send(gate: Gate, event: Any, token: str | None, **headers: str) -> dict[str, Any] | None:
    body = json.dumps(event)
    request = TrackerRequest("POST", f"/api/event?ct={token or ''}", {"User-Agent": "M", **headers}, body)
    accepted = gate.filter(request).accepted
    return json.loads(accepted[0].body or b"") if accepted else None


def test_full_grant_keeps_what_the_tracker_sends(service: ConsentService) -> None:
    gate = service.gate("plausible")
    assert _send(gate, PAGEVIEW, service.token()) == PAGEVIEW
    assert _send(gate, ENGAGEMENT, service.token()) == ENGAGEMENT


def test_refused_browsing_takes_pages_and_attention(service: ConsentService) -> None:
    gate, token = service.gate("plausible"), service.token(acquire=[])
    assert _send(gate, PAGEVIEW, token) == {"n": "pageview", "v": 36, "d": "shop.test"}
    assert _send(gate, ENGAGEMENT, token) == {"n": "engagement", "v": 36, "d": "shop.test", "h": 1, "p": {}}


def test_custom_properties_pass_once_the_policy_maps_them(service: ConsentService) -> None:
    token = service.token()
    kept = _send(service.gate("plausible"), GOAL, token)
    assert kept is not None
    assert (kept["p"], kept["$"]) == ({"url": "https://x.test"}, {"currency": "JPY", "amount": 980})
    mapped = _send(service.gate("plausible", fields={"p.plan": "event"}), GOAL, token)
    assert mapped is not None
    assert mapped["p"] == {"plan": "gold", "url": "https://x.test"}


def test_token_may_ride_as_a_property(service: ConsentService) -> None:
    event = {**PAGEVIEW, "p": {"consent_token": service.token()}}
    assert _send(service.gate("plausible"), event, None) == PAGEVIEW
    event["p"]["consent_token"] = "bad"
    assert _send(service.gate("plausible"), event, service.token()) is None


def test_body_is_written_as_the_tracker_writes_it(service: ConsentService) -> None:
    request = TrackerRequest(
        "POST", "/api/event", {"X-Consent-Token": service.token(), "Content-Type": "x/leak"}, json.dumps(PAGEVIEW)
    )
    (accepted,) = service.gate("plausible").filter(request).accepted
    assert accepted.headers == {"content-type": "text/plain"}


@pytest.mark.parametrize("event", [[], [PAGEVIEW], 5, None, {}, {"n": 5}, {"n": None}])
def test_what_is_no_event_is_event_malformed(service: ConsentService, event: Any) -> None:
    request = TrackerRequest("POST", "/api/event", {"X-Consent-Token": service.token()}, json.dumps(event))
    assert dict(service.gate("plausible").filter(request).counts.dropped) == {Reason.EVENT_MALFORMED: 1}


def test_answer_contents_the_tracker(service: ConsentService) -> None:
    assert service.gate("plausible").table.empty_answer.status == 202

"""A token that is bound to a client's own id fails in another client's events; one that is not passes as ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.consent import ConsentService

from cookiegate.gate import Reason, TrackerRequest
from cookiegate.gate.binding import binding_of

CLIENT = "d3b0738c-1c9e-4a53-a3ab-cafe5a8f1d55"


def _send(service: ConsentService, token: str, **fields: Any) -> dict[Reason, int]:
    event = {"e": "pv", "p": "web", "tv": "js", **fields}
    body = json.dumps({"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [event]})
    path = "/com.snowplowanalytics.snowplow/tp2"
    request = TrackerRequest("POST", path, {"X-Consent-Token": token}, body)
    counts = service.gate("snowplow").filter(request).counts
    return dict(counts.dropped) or {Reason.OK: counts.accepted}


def test_hash_is_the_documented_one() -> None:
    assert binding_of("demo", CLIENT) == "Dtzy1IQiK9uU2Jm8d2TE0w"
    assert binding_of("demo", CLIENT) != binding_of("shop", CLIENT)


def test_bound_token_passes_its_own_client_alone(service: ConsentService) -> None:
    token = service.signed(service.claims(bnd={"snowplow": binding_of("demo", CLIENT)}))
    assert _send(service, token, duid=CLIENT) == {Reason.OK: 1}
    assert _send(service, token, duid=CLIENT[:-1] + "6") == {Reason.BINDING_MISMATCH: 1}
    assert _send(service, token, duid="") == {Reason.BINDING_MISMATCH: 1}
    assert _send(service, token) == {Reason.BINDING_MISMATCH: 1}
    assert _send(service, token, duid=7) == {Reason.BINDING_MISMATCH: 1}


def test_token_bound_for_another_tracker_or_not_at_all_passes_as_before(service: ConsentService) -> None:
    for claims in (service.claims(), service.claims(bnd={"matomo": binding_of("demo", CLIENT)})):
        assert _send(service, service.signed(claims), duid="anybody") == {Reason.OK: 1}
        assert _send(service, service.signed(claims)) == {Reason.OK: 1}


@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ("_id=A", True), ("cid=A", True), ("_id=A&cid=A", True), ("_id=A&cid=", True), ("_id=&cid=A", True),
        ("_id=A&cid=B", False), ("_id=B&cid=A", False), ("cid=B", False), ("uid=A", False), ("_id=A&uid=B", True),
    ],
)  # fmt: skip
def test_matomo_s_two_names_for_the_client_s_id_must_not_differ(
    service: ConsentService, fields: str, passes: bool
) -> None:
    token = service.signed(service.claims(bnd={"matomo": binding_of("demo", "A")}))
    request = TrackerRequest("GET", f"/matomo.php?idsite=1&rec=1&{fields}", {"X-Consent-Token": token})
    counts = service.gate("matomo").filter(request).counts
    assert dict(counts.dropped) == ({} if passes else {Reason.BINDING_MISMATCH: 1})


@pytest.mark.parametrize(
    ("fields", "inside", "passes"),
    [
        ({"distinct_id": "A"}, {}, True), ({}, {"distinct_id": "A"}, True),
        ({"distinct_id": "A"}, {"distinct_id": "A"}, True), ({"distinct_id": None}, {"distinct_id": "A"}, True),
        ({"distinct_id": "B"}, {"distinct_id": "A"}, False), ({"distinct_id": 7}, {"distinct_id": "A"}, False),
        ({"distinct_id": "A"}, {"distinct_id": 7}, False),
        ({"distinct_id": "login"}, {"$device_id": "A", "distinct_id": "login"}, True),
        ({"distinct_id": "A"}, {"$device_id": "B", "distinct_id": "A"}, False),
    ],
)  # fmt: skip
def test_posthog_s_two_places_for_the_distinct_id_must_not_differ_where_it_is_the_client_s(
    service: ConsentService, fields: dict[str, Any], inside: dict[str, Any], passes: bool
) -> None:
    token = service.signed(service.claims(bnd={"posthog": binding_of("demo", "A")}))
    body = json.dumps({"event": "x", **fields, "properties": inside})
    counts = service.gate("posthog").filter(TrackerRequest("POST", "/e/", {"X-Consent-Token": token}, body)).counts
    assert dict(counts.dropped) == ({} if passes else {Reason.BINDING_MISMATCH: 1})


def test_plain_lines_hold_to_it_too(service: ConsentService) -> None:
    token = service.signed(service.claims(bnd={"plain": binding_of("demo", "c-1")}))
    gate = service.gate()
    for client, passes in [("c-1", True), ("c-2", False)] * 2:
        line = json.dumps({"event": "x", "client_id": client, "consent_token": token}).encode()
        assert bool(gate.line(line)) == passes
    assert dict(gate.counts.dropped) == {Reason.BINDING_MISMATCH: 2}


@pytest.mark.parametrize(
    "bnd",
    [
        {}, [], "x", {"snowplow": ""}, {"snowplow": "A" * 21}, {"snowplow": "A" * 23}, {"snowplow": "A" * 21 + "B"},
        {"snowplow": "A" * 21 + "="}, {"snowplow": 5}, {"Snow Plow": "A" * 22}, {"": "A" * 22},
        {"snowplow": "A" * 21 + "\n"},
        {f"t{number}": "A" * 22 for number in range(9)},
    ],
)  # fmt: skip
def test_claim_in_any_other_form_is_refused(service: ConsentService, bnd: Any) -> None:
    assert service.gate().check(service.signed(service.claims(bnd=bnd))).reason is Reason.CLAIMS_INVALID


def test_binding_stays_out_of_the_stamp(service: ConsentService) -> None:
    token = service.signed(service.claims(bnd={"snowplow": binding_of("demo", CLIENT)}))
    kept = service.gate().event({"event": "x", "consent_token": token})
    assert kept is not None
    assert set(kept["consent"]) == {"sub", "pv", "ep", "scope", "acquire"}


def test_issuer_signs_what_it_is_given_and_nothing_where_there_is_nothing(service: ConsentService) -> None:
    grant: dict[str, Any] = {
        "site": "demo", "sub": "s" * 22, "policy_version": 1, "epoch": 1, "scope": ["analytics"], "acquire": [],
        "status_list": 1, "status_index": 7, "issued_at_ms": service.clock.at_ms,
    }  # fmt: skip
    bound = {"snowplow": binding_of("demo", CLIENT), "ga4": binding_of("demo", "1.2")}
    claims = service.verifier().verify(service.issuer.issue(**grant, bindings=bound).text).claims
    assert claims is not None
    assert claims.bindings == bound
    plain = [service.issuer.issue(**grant, bindings=nothing).text for nothing in ({}, None)]
    assert plain == [service.issuer.issue(**grant).text] * 2

"""The gate over HTTP: check, strip, collect."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor

CHECK = "/gate/check?purpose=analytics"
EVENT = {"n": "pageview", "u": "http://shop.test/tea", "d": "shop.test", "r": None}


def token_of(visitor: Visitor, *categories: str) -> str:
    answer = visitor.decide("choose", purposes={"analytics": True}, acquire=dict.fromkeys(categories, True))
    return str(answer.get_json()["token"])


def send_event(visitor: Visitor, **options: Any) -> Any:
    body = json.dumps(options.pop("event", EVENT))
    headers = {"Content-Type": "text/plain", **options.pop("headers", {})}
    return visitor.send("POST", options.pop("path", "/collect/plausible/api/event"), data=body, headers=headers)


def logged(bench: Bench, tracker: str = "plausible") -> list[dict[str, Any]]:
    path = bench.folder / "collected" / "demo" / f"{tracker}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_check_says_what_is_allowed(visitor: Visitor) -> None:
    token = token_of(visitor, "language", "screen")
    answer = visitor.send("GET", CHECK, headers={"X-Consent-Token": token})
    assert answer.status_code == 204
    assert answer.headers["X-Consent-Scope"] == "security analytics"
    assert answer.headers["X-Consent-Acquire"] == "language screen"
    assert len(answer.headers["X-Consent-Subject"]) == 22


def test_a_proxy_that_takes_only_200_for_a_yes_may_ask_for_it(visitor: Visitor) -> None:
    token = token_of(visitor, "language")
    for _ in range(2):  # asked anew, and asked before
        for status in (200, 204):
            answer = visitor.send("GET", f"{CHECK}&status={status}", headers={"X-Consent-Token": token})
            assert (answer.status_code, answer.data) == (status, b"")
            assert answer.headers["X-Consent-Acquire"] == "language"
            refused = visitor.send("GET", f"{CHECK}&status={status}", headers={"X-Consent-Token": "garbled"})
            assert refused.status_code == 401
        for other in ("500", "2000", "401", "x"):
            answer = visitor.send("GET", f"{CHECK}&status={other}", headers={"X-Consent-Token": token})
            assert answer.status_code == 422


@pytest.mark.parametrize("carrier", ["header", "query", "original uri", "forwarded uri", "cookie"])
def test_a_token_may_ride_in_any_carrier(bench: Bench, visitor: Visitor, carrier: str) -> None:
    token = token_of(visitor, "language")
    client = bench.visitor()
    headers, path = {}, CHECK
    if carrier == "header":
        headers["X-Consent-Token"] = token
    elif carrier == "query":
        path += f"&ct={token}"
    elif carrier == "original uri":
        headers["X-Original-URI"] = f"/collect?e=pv&ct={token}"
    elif carrier == "forwarded uri":
        headers["X-Forwarded-Uri"] = f"/collect?ct={token}"
    else:
        client.client.set_cookie("cg_token", token)
    assert client.send("GET", path, headers=headers).status_code == 204


def test_a_bad_token_is_never_rescued_by_another_carrier(visitor: Visitor) -> None:
    token = token_of(visitor, "language")
    answer = visitor.send("GET", f"{CHECK}&ct={token}", headers={"X-Consent-Token": token[:-4] + "AAAA"})
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (401, "signature_invalid")


def test_a_browser_that_says_refused_is_believed_before_its_token(visitor: Visitor, bench: Bench) -> None:
    token = token_of(visitor, "language", "browsing")
    visitor.client.set_cookie("cg_choice", "refused.1.20261118")  # withdrawn in the page, not yet acknowledged
    for headers in ({"X-Consent-Token": token}, {}):
        answer = visitor.send("GET", CHECK, headers=headers)
        assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (403, "withdrawn")
    assert send_event(visitor).headers["X-Consent-Reason"] == "withdrawn"
    assert logged(bench) == []


def test_s04_a_purpose_that_was_not_granted_is_forbidden(visitor: Visitor) -> None:
    token = token_of(visitor, "language")
    answer = visitor.send("GET", "/gate/check?purpose=advertising", headers={"X-Consent-Token": token})
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (403, "purpose_not_granted")


def test_an_expired_token_is_refused(visitor: Visitor, bench: Bench) -> None:
    token = token_of(visitor, "language")
    bench.clock.advance(901 + 60)
    answer = visitor.send("GET", CHECK, headers={"X-Consent-Token": token})
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (401, "token_expired")


def test_several_sites_must_be_told_apart_and_never_share_tokens(bench: Bench, visitor: Visitor) -> None:
    bench.publish(demo_policy(site="other", origins=("http://other.test",)))
    token = token_of(visitor, "language")
    nameless = bench.visitor(origin=None)
    assert nameless.send("GET", CHECK, headers={"X-Consent-Token": token}).status_code == 422
    ours = nameless.send("GET", f"{CHECK}&site=demo", headers={"X-Consent-Token": token})
    theirs = nameless.send("GET", f"{CHECK}&site=other", headers={"X-Consent-Token": token})
    assert (ours.status_code, theirs.status_code) == (204, 401)
    assert theirs.headers["X-Consent-Reason"] == "audience_mismatch"


def test_strip_keeps_only_what_was_granted(visitor: Visitor) -> None:
    token = token_of(visitor, "language")
    event = {"event": "page_view", "language": "ja", "browser": "Firefox", "unknown": 1}
    answer = visitor.send("POST", "/gate/strip/plain?purpose=analytics", json=event, headers={"X-Consent-Token": token})
    body = answer.get_json()
    assert answer.status_code == 200
    assert {name: body[name] for name in body if name != "consent"} == {"event": "page_view", "language": "ja"}


def test_strip_decides_a_mixed_batch_event_by_event(bench: Bench) -> None:
    tokens = [token_of(bench.visitor(), category) for category in ("language", "screen")]
    events = [{"event": "a", "language": "ja", "screen": "1x1", "consent_token": token} for token in tokens]
    events.append({"event": "b", "language": "ja", "consent_token": "broken"})
    answer = bench.visitor().send("POST", "/gate/strip/plain?purpose=analytics", json=events)
    kept = [set(event) - {"consent"} for event in answer.get_json()]
    assert kept == [{"event", "language"}, {"event", "screen"}]
    assert answer.headers["X-Consent-Dropped"] == "token_malformed;n=1"


def test_strip_takes_the_bodies_of_every_address(bench: Bench) -> None:
    tokens = [token_of(bench.visitor(), category) for category in ("language", "screen")]
    calls = [{"type": "track", "event": "e", "secret": 1, "context": {"consentToken": token}} for token in tokens]
    address = "/gate/strip/segment?purpose=analytics"
    answer = bench.visitor().send("POST", f"{address}&path=/v1/batch", json={"batch": calls, "writeKey": "k"})
    assert json.loads(answer.data) == {"writeKey": "k", "batch": [{"type": "track", "event": "e"}] * 2}
    answer = bench.visitor().send("POST", f"{address}&path=/v1/t", json=calls[0])
    assert json.loads(answer.data) == {"type": "track", "event": "e"}
    assert bench.visitor().send("POST", f"{address}&path=/v1/nowhere", json=calls[0]).status_code == 422


def test_strip_without_consent_gives_nothing_back(visitor: Visitor) -> None:
    answer = visitor.send("POST", "/gate/strip/plain?purpose=analytics", json={"event": "secret"})
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (401, "token_missing")
    assert b"secret" not in answer.data


def test_a_collector_logs_what_is_granted_and_contents_the_tracker(visitor: Visitor, bench: Bench) -> None:
    token_of(visitor, "browsing")
    answer = send_event(visitor)
    assert (answer.status_code, answer.data) == (202, b"ok")
    (line,) = logged(bench)
    assert json.loads(line["body"])["u"] == "http://shop.test/tea"
    assert "user-agent" not in line["headers"]
    assert line["consent"]["acquire"] == "browsing"
    assert "cg_" not in json.dumps(line)


def test_a_collector_without_consent_logs_nothing_and_still_contents_the_tracker(
    visitor: Visitor, bench: Bench
) -> None:
    answer = send_event(visitor)
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (202, "token_missing")
    assert logged(bench) == []


def test_s01_an_address_is_kept_whole_only_with_its_grant(bench: Bench) -> None:
    for categories in (("browsing",), ("browsing", "ip")):
        visitor = bench.visitor()
        token_of(visitor, *categories)
        visitor.client.open(
            "/collect/plausible/api/event",
            method="POST",
            data=json.dumps(EVENT),
            headers={"Content-Type": "text/plain", "Origin": "http://shop.test"},
            environ_base={"REMOTE_ADDR": "203.0.113.77"},
        )
    truncated, whole = (line.get("ip") for line in logged(bench))
    assert (truncated, whole) == ("203.0.113.0", "203.0.113.77")


def test_the_log_is_for_its_user_alone(visitor: Visitor, bench: Bench) -> None:
    token_of(visitor, "browsing")
    send_event(visitor)
    path = bench.folder / "collected" / "demo" / "plausible.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_tracker_that_the_policy_does_not_name_has_no_collector(bench: Bench, visitor: Visitor) -> None:
    bench.publish(demo_policy(collectors={}))
    assert send_event(visitor).status_code == 404


def test_a_preflight_to_the_collector_needs_no_token(visitor: Visitor) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-consent-token"}
    answer = visitor.send("OPTIONS", "/collect/plausible/api/event", headers=asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://shop.test"
    assert "X-Consent-Token" in answer.headers["Access-Control-Allow-Headers"]


def test_a_huge_body_is_refused_by_the_collector(visitor: Visitor) -> None:
    event = {**EVENT, "x": "y" * 1_100_000}
    assert send_event(visitor, event=event).status_code == 413


@pytest.mark.parametrize("door", ["/gate/check", "/gate/strip/plain"])
def test_a_door_without_a_declared_purpose_says_so(visitor: Visitor, door: str) -> None:
    answer = visitor.send("POST", door, json={})
    assert (answer.status_code, answer.get_json()["errors"]) == (422, {"purpose": ["needed"]})

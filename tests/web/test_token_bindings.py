"""Tokens that a page asks to have bound to its trackers' client ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

from cookiegate.gate.binding import binding_of

CLIENT = "0f7b6f3e-2f2c-4f43-9f31-4f5b8b2f7c11"
BOUND = {"snowplow": binding_of("demo", CLIENT)}
SNOWPLOW = "/collect/snowplow/com.snowplowanalytics.snowplow/tp2"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    demo = demo_policy()
    collectors = {**demo.collectors, "snowplow": replace(demo.collectors["snowplow"], bind=True)}
    bench = make_bench(tmp_path, policies=(replace(demo, collectors=collectors),))
    yield bench
    bench.service.close()


@pytest.fixture
def visitor(bench: Bench) -> Visitor:
    return bench.visitor()


def _refresh(visitor: Visitor, body: Any) -> Any:
    return visitor.send("POST", "/v1/sites/demo/token", json=body)


def _claims(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.data
    return dict(jwt.decode(answer.get_json()["token"], options={"verify_signature": False}))


def _collect(visitor: Visitor, token: str, client: str) -> str | None:
    event = {"e": "pv", "p": "web", "tv": "js", "duid": client}
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    answer = visitor.send(
        "POST", SNOWPLOW, json={"schema": schema, "data": [event]}, headers={"X-Consent-Token": token}
    )
    assert answer.status_code == 200
    return answer.headers.get("X-Consent-Reason")


def test_refreshed_token_is_bound_and_fails_for_another_client(visitor: Visitor) -> None:
    assert "bnd" not in _claims(visitor.decide("accept"))
    answer = _refresh(visitor, {"bind": BOUND})
    assert _claims(answer)["bnd"] == BOUND
    token = answer.get_json()["token"]
    assert _collect(visitor, token, CLIENT) is None
    assert _collect(visitor, token, "another") == "binding_mismatch"


def test_decision_may_bring_the_binding_and_its_repetition_gives_the_same_token(visitor: Visitor) -> None:
    notice = visitor.notice()["notice"]
    body = json.dumps({"notice": notice, "action": "accept", "bind": BOUND}).encode()
    first, again = (visitor.post(body, key="k" * 20) for _ in range(2))
    assert _claims(first)["bnd"] == BOUND
    assert first.get_json()["token"] == again.get_json()["token"]


def test_only_what_the_policy_asks_for_is_bound(visitor: Visitor) -> None:
    visitor.decide("accept")
    claims = _claims(_refresh(visitor, {"bind": {**BOUND, "plausible": BOUND["snowplow"]}}))
    assert claims["bnd"] == BOUND
    for body in ({}, {"bind": None}, {"bind": {}}, {"bind": {"plausible": BOUND["snowplow"]}}):
        assert "bnd" not in _claims(_refresh(visitor, body))
    assert "bnd" not in _claims(visitor.send("POST", "/v1/sites/demo/token"))


def test_token_that_is_not_bound_passes_as_ever(visitor: Visitor) -> None:
    token = visitor.decide("accept").get_json()["token"]
    assert _collect(visitor, token, "anybody") is None


REFUSED: list[Any] = [
    {"bind": {"snowplow": "short"}}, {"bind": {"snowplow": "A" * 21 + "B"}}, {"bind": {"snowplow": CLIENT}},
    {"bind": {"Snow plow": "A" * 22}}, {"bind": ["snowplow"]}, {"bind": {"snowplow": None}}, {"extra": 1},
    [], "x", 5, {"bind": {f"t{number}": "A" * 22 for number in range(9)}},
]  # fmt: skip


def test_anything_else_is_refused_and_named(visitor: Visitor) -> None:
    visitor.decide("accept")
    for body in REFUSED:
        answer = _refresh(visitor, body)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "input_invalid"), body


def test_body_that_is_no_json_is_refused(visitor: Visitor) -> None:
    visitor.decide("accept")
    sent = {"data": "bind=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    assert visitor.send("POST", "/v1/sites/demo/token", **sent).get_json()["code"] == "media_type_unsupported"
    broken = {"data": "{", "headers": {"Content-Type": "application/json"}}
    assert visitor.send("POST", "/v1/sites/demo/token", **broken).get_json()["code"] == "body_malformed"


def test_nothing_of_it_is_stored(visitor: Visitor, bench: Bench) -> None:
    body = json.dumps({"notice": visitor.notice()["notice"], "action": "accept", "bind": BOUND}).encode()
    visitor.post(body)
    _refresh(visitor, {"bind": BOUND})
    visitor.decide("withdraw")
    bench.service.close()
    needle = BOUND["snowplow"].encode()
    kept = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if needle in path.read_bytes()] == []


def test_script_names_the_bound_trackers_only_where_there_are_any(visitor: Visitor, bench: Bench) -> None:
    assert b'"bindings":["snowplow"]' in visitor.send("GET", "/w/demo.en.js").data
    bench.publish(demo_policy())
    assert b'"bindings":[' not in visitor.send("GET", "/w/demo.en.js").data

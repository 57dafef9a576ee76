"""The front and Flask answer alike: same status, same body, same headers, same limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.service import CRAWLER, Bench, make_bench
from werkzeug.test import Client

from cookiegate.web.app import create_app
from cookiegate.web.routes import ROUTES, match

GOOD = {"Content-Type": "application/json", "Idempotency-Key": "k" * 20}
ORIGIN = {"Origin": "http://shop.test"}


def decision(**changes: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/v1/sites/demo/decisions", **changes}


REQUESTS: dict[str, dict[str, Any]] = {
    "widget": {"path": "/w/demo.js"},
    "widget_gzip": {"path": "/w/demo.en.js", "headers": {"Accept-Encoding": "gzip"}},
    "widget_brotli": {"path": "/w/demo.en.js", "headers": {"Accept-Encoding": "br;q=0.9, gzip;q=0.8"}},
    "widget_head": {"method": "HEAD", "path": "/w/demo.en.js"},
    "headless": {"path": "/w/demo.headless.js"},
    "headless_in_a_language": {"path": "/w/demo.headless.en.js"},
    "headless_in_no_language": {"path": "/w/demo.headless.xx.js"},
    "widget_in_no_language": {"path": "/w/demo.xx.js"},
    "widget_of_no_site": {"path": "/w/nobody.js"},
    "widget_for_a_robot": {"path": "/w/demo.js", "headers": {"User-Agent": CRAWLER}},
    "config": {"path": "/w/demo.ja.json", "headers": {"Accept-Encoding": "gzip"}},
    "config_in_no_language": {"path": "/w/demo.xx.json"},
    "widget_pinned_to_nothing": {"path": f"/w/demo@{'0' * 64}.js"},
    "jwks": {"path": "/.well-known/jwks.json"},
    "gpc": {"path": "/.well-known/gpc.json"},
    "status": {"path": "/status/1"},
    "status_of_nothing": {"path": "/status/99"},
    "status_in_the_past": {"path": "/status/1?time=5"},
    "consent": {"path": "/v1/sites/demo/consent", "headers": ORIGIN},
    "notice": {"path": "/v1/sites/demo/notice?lang=ja", "headers": ORIGIN},
    "vendors_of_nobody": {"path": "/v1/sites/demo/list"},
    "token_for_a_stranger": {"method": "POST", "path": "/v1/sites/demo/token", "headers": ORIGIN},
    "token_by_get": {"path": "/v1/sites/demo/token"},
    "head": {"method": "HEAD", "path": "/v1/sites/demo/notice"},
    "preflight": {"method": "OPTIONS", "path": "/v1/sites/demo/decisions", "headers": ORIGIN},
    "foreign_preflight": {"method": "OPTIONS", "path": "/v1/sites/demo/decisions", "headers": {"Origin": "null"}},
    "delete": {"method": "DELETE", "path": "/v1/sites/demo/decisions"},
    "repeated_decision": decision(headers={**GOOD, **ORIGIN}, data="KNOWN"),
    "foreign_decision": decision(headers={**GOOD, "Origin": "http://evil.test"}, data=b"{}"),
    "robot_decision": decision(headers={**GOOD, "User-Agent": CRAWLER}, data=b"{}"),
    "decision_without_key": decision(headers={"Content-Type": "application/json"}, data=b"{}"),
    "decision_as_text": decision(headers={**GOOD, "Content-Type": "text/plain"}, data=b"{}"),
    "empty_decision": decision(headers=GOOD, data=b"{}"),
    "garbled_decision": decision(headers=GOOD, data=b"\xff{"),
    "huge_decision": decision(headers=GOOD, data=b"x" * 70_000),
    "decision_for_no_site": decision(path="/v1/sites/nobody/decisions", headers=GOOD, data=b"{}"),
    "check_without_token": {"path": "/gate/check?purpose=analytics"},
    "check_with_garbage": {"path": "/gate/check?purpose=analytics", "headers": {"X-Consent-Token": "a.b.c"}},
    "check_without_purpose": {"path": "/gate/check"},
    "check_for_no_purpose": {"path": "/gate/check?purpose=nope"},
    "check_with_a_good_token": {"path": "/gate/check?purpose=analytics", "headers": {"X-Consent-Token": "GOOD"}},
    "check_that_is_answered_200": {
        "path": "/gate/check?purpose=analytics&status=200",
        "headers": {"X-Consent-Token": "GOOD"},
    },
    "check_answered_in_no_known_way": {
        "path": "/gate/check?purpose=analytics&status=500",
        "headers": {"X-Consent-Token": "GOOD"},
    },
    "check_for_another_purpose": {"path": "/gate/check?purpose=quality", "headers": {"X-Consent-Token": "GOOD"}},
    "check_by_post": {
        "method": "POST",
        "path": "/gate/check?purpose=analytics",
        "headers": {"X-Consent-Token": "GOOD"},
    },
    "check_preflight": {"method": "OPTIONS", "path": "/gate/check?purpose=analytics"},
}


@pytest.fixture
def known(bench: Bench) -> bytes:
    """The body of a decision that was taken with the key that the requests repeat."""
    visitor = bench.visitor()
    body = json.dumps({"notice": visitor.notice()["notice"], "action": "accept"}).encode()
    assert visitor.post(body, key="k" * 20).status_code == 201
    return body


@pytest.mark.parametrize("name", REQUESTS)
def test_both_paths_give_the_same_answer(bench: Bench, known: bytes, name: str) -> None:
    request = dict(REQUESTS[name])
    if request.get("data") == "KNOWN":
        request["data"] = known
    if request.get("headers", {}).get("X-Consent-Token") == "GOOD":
        token = bench.visitor().post(known, key="k" * 20).get_json()["token"]
        request["headers"] = {"X-Consent-Token": token}
    front, flask = Client(bench.front), Client(create_app(bench.service))
    front.open(**request)  # settles what the front remembers of repeated checks
    through_front = front.open(**request)
    through_flask = flask.open(**request)
    assert through_front.status_code == through_flask.status_code
    assert through_front.data == through_flask.data
    assert headers_of(through_front) == headers_of(through_flask)


def headers_of(answer: Any) -> list[tuple[str, str]]:
    # How much of the allowance is left moves with every request; that both count is a test of its own.
    return sorted((name, value) for name, value in answer.headers.items() if name != "RateLimit")


def test_both_paths_count_against_one_allowance(tmp_path: Any) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="4/minute")
    front, flask = Client(bench.front), Client(create_app(bench.service))
    statuses = [client.open("/v1/sites/demo/decisions", method="POST").status_code for client in (front, flask) * 3]
    assert statuses == [400, 400, 400, 400, 429, 429]
    for client in (front, flask):
        limited = client.open("/v1/sites/demo/decisions", method="POST", headers=ORIGIN)
        assert limited.get_json()["code"] == "rate_limited"
        assert int(limited.headers["Retry-After"]) <= 60
        assert limited.headers["RateLimit-Policy"] == '"writes";q=4;w=60'
        assert limited.headers["RateLimit"].startswith('"writes";r=0;t=')
        assert limited.headers["Access-Control-Allow-Origin"] == "http://shop.test"
    bench.service.close()


def test_every_hot_route_is_a_route_of_flask(bench: Bench) -> None:
    rules = {rule.rule for rule in create_app(bench.service).url_map.iter_rules()}
    assert {route.pattern for route in ROUTES} <= rules


@pytest.mark.parametrize(
    "path",
    [
        "/", "/w/", "/w/demo", "/w/.js", "/w/demo.json", "/w/.en.json", "/v1/sites//consent", "/status/",
        "/v1/sites/demo/x",
    ],
)  # fmt: skip
def test_the_front_leaves_other_paths_to_flask(path: str) -> None:
    assert match(path) is None


def test_an_unexpected_error_is_a_problem_document_without_its_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("secret words of a driver")

    monkeypatch.setattr(type(bench.service.decider), "find", explode)
    for client in (Client(bench.front), Client(create_app(bench.service))):
        answer = client.get("/v1/sites/demo/consent", headers={"Cookie": "cg_handle.demo=" + "h" * 22})
        assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
        assert b"secret words" not in answer.data

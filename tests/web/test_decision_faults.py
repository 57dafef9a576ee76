"""Decisions that do not fit: each is told what is wrong with it, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.service import Bench, Visitor

from cookiegate.errors import MalformedBodyError
from cookiegate.web.bodies import load_json


def problem(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["code"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body_malformed"),
        (b"{", 400, "body_malformed"),
        (b"\xff\xfe{}", 400, "body_malformed"),
        (b'{"notice": NaN}', 400, "body_malformed"),
        (b"[" * 5_000 + b"]" * 5_000, 400, "body_malformed"),
        (b'{"purposes":' * 30 + b"1" + b"}" * 30, 400, "body_malformed"),
        (b"[]", 422, "input_invalid"),
        (b"{}", 422, "input_invalid"),
        (b'{"notice":"x","action":"accept"}', 422, "input_invalid"),
        (b'{"notice":"' + b"0" * 64 + b'","action":"maybe"}', 422, "input_invalid"),
        (b'{"notice":"' + b"0" * 64 + b'","action":"accept","purposes":[]}', 422, "input_invalid"),
        (b'{"notice":"' + b"0" * 64 + b'","action":"accept","sub":"me"}', 422, "input_invalid"),
        (b'{"notice":"' + b"0" * 64 + b'","action":"accept","epoch":-1}', 422, "input_invalid"),
        (b'{"notice":"' + b"0" * 64 + b'","action":"accept","epoch":1.5}', 422, "input_invalid"),
        (b'"' + b"x" * 70_000 + b'"', 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_told_what_is_wrong_and_nothing_is_written(
    visitor: Visitor, bench: Bench, body: bytes, status: int, code: str
) -> None:
    assert problem(visitor.post(body)) == (status, code)
    assert bench.count == 0


def test_every_fault_of_a_body_is_named(visitor: Visitor) -> None:
    body = {"action": "maybe", "purposes": {"analytics": "yes"}, "decided_at": "2020-01-01"}
    errors = visitor.post(json.dumps(body).encode()).get_json()["errors"]
    assert set(errors) == {"notice", "action", "purposes.analytics", "decided_at"}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_declared_json_is_refused(visitor: Visitor, media_type: str) -> None:
    answer = visitor.post(b"{}", **{"Content-Type": media_type})
    assert problem(answer) == (415, "media_type_unsupported")


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "with space and more", "quote'quote'quote'"])
def test_an_unusable_idempotency_key_is_refused(visitor: Visitor, bench: Bench, key: str) -> None:
    answer = visitor.post(b"{}", **{"Idempotency-Key": key})
    assert problem(answer) == (400, "idempotency_key_invalid")
    assert bench.count == 0


@pytest.mark.parametrize(("action", "value"), [("accept", False), ("reject", True)])
def test_choices_that_contradict_the_action_are_refused(visitor: Visitor, action: str, value: bool) -> None:
    assert problem(visitor.decide(action, purposes={"analytics": value})) == (422, "input_invalid")


def test_a_withdrawal_is_taken_whatever_comes_with_it(visitor: Visitor) -> None:
    visitor.decide("accept")
    answer = visitor.decide("withdraw", purposes={"analytics": True, "no-such": False})
    assert (answer.status_code, answer.get_json()["token"]) == (201, None)


def test_an_always_on_purpose_cannot_be_switched_off_by_a_choice(visitor: Visitor) -> None:
    assert problem(visitor.decide("choose", purposes={"security": False})) == (422, "input_invalid")
    assert visitor.decide("choose", purposes={"security": True}).status_code == 201


@pytest.mark.parametrize("body", ['"' + '\\"' * 500_000, "[" + '"\\\\",' * 200_000, '"' * 1_000_001, "\\" * 1_000_000])
def test_a_body_made_to_be_slow_is_read_in_one_pass(body: str) -> None:
    with pytest.raises(MalformedBodyError):  # backtracking would take hours
        load_json(body.encode())


@pytest.mark.parametrize(
    ("body", "is_deep"),
    [('{"a":"[[[[[[[[[[[[[[[[[[[[[["}', False), ('{"a":"\\"' + "[" * 30 + '"}', False), ("[" * 21 + "]" * 21, True)],
)
def test_only_brackets_outside_of_strings_nest(body: str, is_deep: bool) -> None:
    if is_deep:
        with pytest.raises(MalformedBodyError, match="deeper"):
            load_json(body.encode())
    else:
        load_json(body.encode())

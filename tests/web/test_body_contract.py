"""The fast body type and the published marshmallow contract accept the same documents."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from cookiegate.web.bodies import DecisionBody, TokenBody, load_json
from cookiegate.web.schemas import DecisionBodySchema, TokenBodySchema

SCHEMA = DecisionBodySchema()
DIGEST = st.from_regex(r"\A[0-9a-f]{64}\Z") | st.sampled_from(["", "0" * 63, "0" * 64 + "\n", "G" * 64])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JUNK = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.just([])
CHOICES = st.none() | st.dictionaries(st.text(max_size=66), st.booleans() | JUNK, max_size=4) | JUNK
BINDINGS = JUNK | st.dictionaries(
    st.sampled_from(["snowplow", "ga4", "Snow plow", "", "snowplow\n", "x" * 33]),
    st.sampled_from(["A" * 22, "A" * 21 + "B", "A" * 21, "A" * 22 + "\n", "+" * 22]) | JUNK,
    max_size=4,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "notice": DIGEST | JUNK,
        "action": st.sampled_from(["accept", "reject", "choose", "withdraw", "Accept"]) | JUNK,
        "purposes": CHOICES,
        "acquire": CHOICES,
        "epoch": st.integers(-2, 2**31 + 1) | JUNK,
        "ui": DIGEST | JUNK,
        "bind": BINDINGS,
        "extra": JUNK,
    },
)
VALID = st.fixed_dictionaries(
    {"notice": st.from_regex(r"\A[0-9a-f]{64}\Z"), "action": st.sampled_from(["accept", "choose"])},
    optional={
        "purposes": CHOICES,
        "acquire": CHOICES,
        "epoch": st.integers(-2, 2**31 + 1) | JUNK,
        "ui": DIGEST | JUNK,
        "bind": BINDINGS,
    },
)


def by_type(body: bytes) -> DecisionBody | None:
    try:
        return msgspec.json.decode(body, type=DecisionBody)
    except msgspec.DecodeError:
        return None


def by_contract(document: Any) -> DecisionBody | None:
    try:
        return DecisionBody(**SCHEMA.load(document))
    except ValidationError:
        return None


@settings(max_examples=300, deadline=None)
@given(BINDINGS)
def test_both_accept_the_same_bindings_of_a_token(bind: Any) -> None:
    body = json.dumps({"bind": bind}).encode()
    try:
        by_type: Any = msgspec.json.decode(body, type=TokenBody).bind
    except msgspec.DecodeError:
        by_type = "refused"
    try:
        by_contract = TokenBodySchema().load({"bind": bind})["bind"]
    except ValidationError:
        by_contract = "refused"
    assert by_type == by_contract


@settings(max_examples=600, deadline=None)
@given(BODIES | VALID)
def test_both_accept_the_same_bodies(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    assert by_type(body) == by_contract(load_json(body))

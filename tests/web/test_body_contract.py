"""The fast body type and the published marshmallow contract accept the same documents."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from cookiegate.web.bodies import DecisionBody, load_json
from cookiegate.web.schemas import DecisionBodySchema

SCHEMA = DecisionBodySchema()
DIGEST = st.from_regex(r"\A[0-9a-f]{64}\Z") | st.sampled_from(["", "0" * 63, "0" * 64 + "\n", "G" * 64])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JUNK = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.just([])
CHOICES = st.none() | st.dictionaries(st.text(max_size=66), st.booleans() | JUNK, max_size=4) | JUNK
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "notice": DIGEST | JUNK,
        "action": st.sampled_from(["accept", "reject", "choose", "withdraw", "Accept"]) | JUNK,
        "purposes": CHOICES,
        "acquire": CHOICES,
        "epoch": st.integers(-2, 2**31 + 1) | JUNK,
        "ui": DIGEST | JUNK,
        "extra": JUNK,
    },
)
VALID = st.fixed_dictionaries(
    {"notice": st.from_regex(r"\A[0-9a-f]{64}\Z"), "action": st.sampled_from(["accept", "choose"])},
    optional={"purposes": CHOICES, "acquire": CHOICES, "epoch": st.integers(-2, 2**31 + 1) | JUNK, "ui": DIGEST | JUNK},
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


@settings(max_examples=600, deadline=None)
@given(BODIES | VALID)
def test_both_accept_the_same_bodies(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    assert by_type(body) == by_contract(load_json(body))

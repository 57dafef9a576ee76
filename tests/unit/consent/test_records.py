"""The record of a decision as it is written by hand-ordered members."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cookiegate.consent.records import VERSION_OF_SHARED, DecisionRecord, Shared, is_shared, read_shown
from cookiegate.ledger.hashing import canonical

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
CHOICES = st.dictionaries(st.from_regex(r"\A[a-z_]{1,12}\Z"), st.booleans(), max_size=5)
NUMBERS = st.integers(0, 2**53 - 1)
DEVICES = st.dictionaries(st.sampled_from(["browser", "browser_major", "os", "kind"]), st.none() | TEXT)
MEMBERS = st.fixed_dictionaries(
    {
        "acquire": CHOICES,
        "action": TEXT,
        "decided_at": TEXT,
        "device": DEVICES,
        "epoch": NUMBERS,
        "id": TEXT,
        "notice": TEXT,
        "policy_version": NUMBERS,
        "purposes": CHOICES,
        "signal": st.none() | st.fixed_dictionaries({"held": st.lists(TEXT), "seen": st.sampled_from(["gpc", "dnt"])}),
        "site": TEXT,
        "sub": st.none() | TEXT,
        "ui": st.none() | TEXT,
    }
)
NESTED = ("acquire", "device", "purposes", "signal")


@given(MEMBERS)
def test_a_record_is_written_as_rfc_8785_wants_it(members: dict[str, Any]) -> None:
    given_members: dict[str, Any] = {
        name: msgspec.Raw(canonical(value)) if name in NESTED else value for name, value in members.items()
    }
    written = DecisionRecord(**given_members).written()
    assert written == rfc8785.dumps({**members, "v": 3})


@given(MEMBERS, TEXT, TEXT)
def test_a_record_says_where_a_choice_was_made_that_it_repeats(
    members: dict[str, Any], decision: str, site: str
) -> None:
    given_members: dict[str, Any] = {
        name: msgspec.Raw(canonical(value)) if name in NESTED else value for name, value in members.items()
    }
    written = DecisionRecord(**given_members, shared=Shared(decision, site), v=VERSION_OF_SHARED).written()
    assert written == rfc8785.dumps({**members, "shared": {"site": site, "decision": decision}, "v": 4})
    assert is_shared(written)
    # A text cannot pretend to be a member.
    assert not is_shared(DecisionRecord(**{**given_members, "site": '{"shared":{'}).written())
    assert not is_shared(rfc8785.dumps({**members, "device": {"shared": {}}}))


@given(MEMBERS)
def test_what_is_shown_of_a_record_names_nobody(members: dict[str, Any]) -> None:
    shown = json.loads(msgspec.json.encode(read_shown(rfc8785.dumps({**members, "v": 1}))))
    assert shown == {name: members[name] for name in shown}
    assert not {"sub", "device", "epoch", "ui"} & set(shown)

"""What is remembered of choices is what would be worked out again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import demo_policy

from cookiegate.consent import choices
from cookiegate.consent.choices import ChoiceBook, Choices
from cookiegate.consent.grants import ACTIONS, Action, decide_grant, shown_acquire, shown_purposes
from cookiegate.errors import InvalidInputError
from cookiegate.ledger.hashing import canonical
from cookiegate.policy.document import Policy, PublishedPolicy

POLICY = demo_policy()
OPTIONAL = [purpose.key for purpose in POLICY.optional_purposes]
PUBLISHED = PublishedPolicy(POLICY, 3, "a" * 64, 1, 5)
KEPT = Choices(PUBLISHED)
PURPOSES = st.none() | st.dictionaries(st.sampled_from([*OPTIONAL, "unknown"]), st.booleans())
ACQUIRE = st.none() | st.dictionaries(st.sampled_from([*POLICY.optional_categories, "nonsense"]), st.booleans())


def outcome(work: Any) -> Any:
    try:
        return work()
    except InvalidInputError as error:
        return error.evidence


@given(action=st.sampled_from(ACTIONS), purposes=PURPOSES, acquire=ACQUIRE)
def test_a_choice_is_decided_as_without_memory(
    action: Action, purposes: dict[str, bool] | None, acquire: dict[str, bool] | None
) -> None:
    expected = outcome(lambda: decide_grant(POLICY, action, purposes, acquire))
    for _ in range(2):
        assert outcome(lambda: KEPT.decide(action, purposes, acquire).grant) == expected


@pytest.mark.parametrize("action", ACTIONS[:2])
def test_a_choice_is_recorded_in_the_words_of_its_policy(action: Action) -> None:
    choice = KEPT.decide(action, None, None)
    assert bytes(choice.purposes) == canonical(shown_purposes(POLICY, choice.grant.purposes))
    assert bytes(choice.acquire) == canonical(shown_acquire(POLICY, choice.grant.acquire))
    assert KEPT.recorded(3, bytes(choice.purposes), bytes(choice.acquire)) == choice.grant


def test_what_an_older_version_granted_is_cut_to_what_there_still_is() -> None:
    gone = POLICY.optional_purposes[0].key
    left = tuple(purpose for purpose in POLICY.purposes if purpose.key != gone)
    later = Choices(replace(PUBLISHED, policy=replace(POLICY, purposes=left), version=4))
    all_on = KEPT.decide("accept", None, None)
    kept = later.recorded(3, bytes(all_on.purposes), bytes(all_on.acquire))
    assert gone not in kept.purposes
    assert set(kept.purposes) == set(OPTIONAL) - {gone}


def test_a_version_is_looked_up_by_itself_not_by_its_number() -> None:
    book, other = ChoiceBook(), replace(PUBLISHED, policy=_without_last(POLICY))
    first = book.under(PUBLISHED)
    assert book.under(PUBLISHED) is first
    assert book.under(other).published is other


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "KEPT_CHOICES", 4)
    few = Choices(PUBLISHED)
    raw = [
        msgspec.json.encode({key: bool(number >> place & 1) for place, key in enumerate(OPTIONAL)})
        for number in range(8)
    ]
    for text in raw:
        few.recorded(3, text, b"{}")
    assert len(few._recorded) <= 4
    assert few.recorded(3, raw[0], b"{}").purposes == ()


def _without_last(policy: Policy) -> Policy:
    return replace(policy, purposes=policy.purposes[:-1])

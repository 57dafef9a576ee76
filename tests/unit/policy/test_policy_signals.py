"""What a policy says of signals, regions and asking again."""

from __future__ import annotations

import pytest
from support.policies import DEMO

from cookiegate.policy.difference import compare
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.pages import is_advertising
from cookiegate.policy.reading import check, read_policy

TEXT = DEMO.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("signals: {affects: [security]}", "“security” is always on, so no signal can switch it off."),
        ("signals: {affects: [tea]}", "“tea” is no purpose of this policy."),
        ("signals: {gpc: ignore}", "The key “gpc” is not known here."),
        ("signals: {dnt: perhaps}", "“perhaps” is not known here."),
        ("regions: {rules: mine}", "“mine” is not known here."),
        ("ask_again_refused_days: 90", "Who refused would be asked again after 90 days, who allowed only after 180."),
    ],
)
def test_a_mistake_is_named(added: str, message: str) -> None:
    assert message in [fault.message for fault in check(f"{TEXT}\n{added}\n")]


def test_what_is_said_survives_its_publication_and_what_is_not_said_adds_nothing() -> None:
    plain = read_policy(TEXT)
    assert not {"signals", "regions", "ask_again_refused_days"} & set(to_document(plain))
    more = "\nsignals: {affects: [analytics], dnt: honour}\nregions: {rules: everyone}\nask_again_refused_days: 300\n"
    said = read_policy(TEXT + more)
    assert from_document(to_document(said)) == said
    assert canonical_json(from_document(to_document(said))) == canonical_json(said)
    assert (said.refused_days, plain.refused_days) == (300, 180)
    changes = compare(plain, said)
    assert {change.path for change in changes.changes} == {"signals", "regions", "ask_again_refused_days"}
    assert not changes.asks_again


@pytest.mark.parametrize("key", ["advertising", "ads", "social-ads", "email_marketing", "retargeting"])
def test_keys_for_advertising(key: str) -> None:
    assert is_advertising(key)


@pytest.mark.parametrize("key", ["adaptation", "loads", "analytics", "headlines"])
def test_keys_that_only_look_like_it(key: str) -> None:
    assert not is_advertising(key)

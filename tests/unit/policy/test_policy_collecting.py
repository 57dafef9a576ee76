"""Collectors that ask for more: sensitive fields on prior consent (S11), late events, tokens bound to clients."""

from __future__ import annotations

import pytest
from policy_material import edited, only_fault, small

from cookiegate.policy.difference import compare
from cookiegate.policy.document import Collector
from cookiegate.policy.encoding import canonical_json, from_document, to_document

_RETENTION = "    retention_days: 180\n    recipients: [host]\n"
_FIELDS = "{page: browsing, blood_type: event}"


def _with(collectors: str) -> tuple[str, str]:
    return _RETENTION, f"{_RETENTION}collectors:\n{collectors}"


def _plain(extra: str = "", fields: str = "{page: browsing}") -> tuple[str, str]:
    return _with(f"  plain:\n    purpose: analytics\n    fields: {fields}\n{extra}")


_OF_BLOOD = "collectors.plain.prior_consent.blood_type"
_PRIOR = "    prior_consent: {blood_type: [analytics]}\n"


def test_collector_holds_what_the_document_says() -> None:
    policy = small(_plain(f"    late_events: until_withdrawal\n{_PRIOR}", _FIELDS))
    collector = policy.collectors["plain"]
    assert (collector.late_events, collector.prior_consent) == ("until_withdrawal", {"blood_type": ("analytics",)})
    assert policy.takes_late_events
    assert from_document(to_document(policy)) == policy


def test_what_is_not_given_leaves_the_published_form_as_it_was() -> None:
    policy = small(_plain())
    assert (policy.collectors["plain"].late_events, policy.bound_trackers) == (None, ())
    assert not policy.takes_late_events
    assert not any(name in canonical_json(policy) for name in (b"late_events", b"prior_consent", b"bind"))


def test_bindings_that_the_policy_does_not_ask_for_are_passed_over() -> None:
    policy = small(_with("  snowplow: {purpose: analytics, bind: true}\n  plausible: {purpose: analytics}\n"))
    assert policy.bound_trackers == ("snowplow",)
    assert policy.bindings_asked({"snowplow": "x", "plausible": "y", "matomo": "z"}) == {"snowplow": "x"}
    assert policy.bindings_asked({"plausible": "y"}) == policy.bindings_asked(None) == {}


@pytest.mark.parametrize(
    ("collectors", "path", "sentence"),
    [
        (_plain(fields=_FIELDS), "collectors.plain.fields.blood_type",
         "“blood_type” names something that is never acquired without prior consent."),
        (_plain("    prior_consent: {blood_type: [analytiks]}\n", _FIELDS), f"{_OF_BLOOD}[0]",
         "There is no purpose “analytiks”."),
        (_plain("    prior_consent: {blood_type: [security]}\n", _FIELDS), f"{_OF_BLOOD}[0]",
         "The purpose “security” does not rest on consent."),
        (_plain("    prior_consent: {page: [analytics]}\n"), "collectors.plain.prior_consent.page",
         "“page” is not on the list of sensitive names; its category says who may have it."),
        (_plain("    bind: true\n"), "collectors.plain.bind", "Pages cannot tell the client id of “plain”."),
    ],
)  # fmt: skip
def test_contradiction_is_named_with_its_place(collectors: tuple[str, str], path: str, sentence: str) -> None:
    fault = only_fault(edited(collectors))
    assert (fault.path, fault.message) == (path, sentence)


@pytest.mark.parametrize(
    ("before", "after", "sentence", "asks_again"),
    [
        (_plain(), _plain(_PRIOR, _FIELDS),
         "Sensitive fields of “plain” events are recorded on consent: “blood_type”.", True),
        (_plain(_PRIOR, _FIELDS), _plain(fields="{page: browsing}"),
         "Fewer sensitive fields of “plain” events are recorded.", False),
        (_plain(), _plain("    late_events: until_withdrawal\n"),
         "Events of “plain” that happened before a withdrawal and come after it now pass.", True),
        (_plain("    late_events: until_withdrawal\n"), _plain("    late_events: while_granted\n"),
         "Events of “plain” that happened before a withdrawal and come after it now are dropped.", False),
    ],
)  # fmt: skip
def test_difference_is_told(before: tuple[str, str], after: tuple[str, str], sentence: str, asks_again: bool) -> None:
    changes = {change.sentence: change.asks_again for change in compare(small(before), small(after)).changes}
    assert changes[sentence] is asks_again


def test_saying_the_default_changes_nothing() -> None:
    said = small(_plain("    late_events: while_granted\n    bind: false\n"))
    assert not compare(small(_plain()), said).changes


def test_a_plain_collector_is_as_it_was() -> None:
    assert Collector("plain", "analytics") == Collector("plain", "analytics", late_events=None)

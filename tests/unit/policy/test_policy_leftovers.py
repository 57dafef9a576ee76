"""What pages stop, remove and tell by the policy: trackers, leftovers, Google's consent mode, shared choices."""

from __future__ import annotations

import pytest
from policy_material import edited, only_fault, small

from cookiegate.policy.cleaning import KNOWN_LEFTOVERS, page_rules, read_cookie_pattern
from cookiegate.policy.consent_mode import page_consent_mode
from cookiegate.policy.difference import compare
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.pages import Cleaning, Sharing
from cookiegate.web.widget_parts import parts_config

_LAST = "    retention_days: 180\n    recipients: [host]\n"
FULL = """\
attach: {ga4: analytics, snowplow: analytics}
clean:
  trackers: {umami: [analytics], plausible: [analytics]}
  cookies: {"_fbp": [analytics], "_ga*": [analytics]}
  storage: {"heat*": [analytics]}
  databases: {"rec.1": [analytics]}
  caches: {pixels: [analytics]}
google:
  analytics_storage: analytics
  security_storage: security
  advanced: true
  region: [JP, US-CA]
  url_passthrough: true
share: {domain: example.jp}
reload_on_withdrawal: never
"""


def _with(lines: str) -> tuple[str, str]:
    return _LAST, _LAST + lines


def test_policy_holds_what_the_document_says_and_comes_back_from_its_published_form() -> None:
    policy = small(_with(FULL))
    assert policy.attach == {"ga4": "analytics", "snowplow": "analytics"}
    assert (policy.share, policy.reload_on_withdrawal) == (Sharing("example.jp"), "never")
    assert policy.clean is not None
    assert policy.clean.cookies == {"_fbp": ("analytics",), "_ga*": ("analytics",)}
    assert from_document(to_document(policy)) == policy
    assert parts_config(policy) == {
        "google": {
            "types": {"analytics_storage": "analytics", "security_storage": "security"},
            "options": {"wait_for_update": 500, "region": ["JP", "US-CA"]},
            "set": {"url_passthrough": True},
        },
        "attach-ga4": "analytics",
        "attach-snowplow": "analytics",
        "clean": [
            {
                "purposes": ["analytics"],
                "storage": ["umami.visitor", "heat*"],
                "cookies": ["_fbp", "_ga*"],
                "databases": ["rec.1"],
                "caches": ["pixels"],
            }
        ],
    } | {name: given for name, given in parts_config(small()).items() if name != "reload"}


def test_what_is_not_given_is_neither_published_nor_sent() -> None:
    policy = small()
    for name in ("attach", "clean", "google", "share", "reload_on_withdrawal"):
        assert f'"{name}"'.encode() not in canonical_json(policy)
    assert page_rules(Cleaning(trackers={"plausible": ("analytics",)})) is None
    assert page_consent_mode(None) is None
    assert "options" not in (page_consent_mode(small(_with("google: {ad_storage: analytics}\n")).google) or {})
    assert parts_config(policy)["reload"] is True


def test_none_of_it_asks_visitors_again() -> None:
    before, after = small(), small(_with(FULL))
    changes = compare(before, after).changes
    assert {change.path for change in changes} == {"attach", "clean", "google", "share", "reload_on_withdrawal"}
    assert not compare(before, after).asks_again


def test_rules_of_one_set_of_purposes_are_told_together_and_each_name_once() -> None:
    cleaning = Cleaning(
        trackers={"ga4": ("b", "a"), "snowplow": ("a",)}, cookies={"_ga": ("a", "b"), "_sp_id.*": ("b",)}
    )
    rules = page_rules(cleaning) or []
    assert [rule["purposes"] for rule in rules] == [["a", "b"], ["a"], ["b"]]
    assert rules[0]["cookies"] == list(KNOWN_LEFTOVERS["ga4"]["cookies"])
    assert rules[2] == {"purposes": ["b"], "cookies": ["_sp_id.*"]}


def test_no_built_in_name_takes_a_choice_or_an_opt_out() -> None:
    for leftovers in KNOWN_LEFTOVERS.values():
        for pattern in (*leftovers.get("cookies", ()),):
            assert read_cookie_pattern(pattern) == pattern
        assert not {"plausible_ignore", "umami.disabled"} & {name for names in leftovers.values() for name in names}


@pytest.mark.parametrize(
    ("lines", "path", "sentence"),
    [
        ('clean: {cookies: {"cg_choice": [analytics]}}\n', "clean.cookies.cg_choice",
         "“cg_choice” would take the visitor's choice itself, whose names begin with cg_."),
        ('clean: {cookies: {"*_id": [analytics]}}\n', "clean.cookies.*_id",
         "“*_id” would take the visitor's choice itself, whose names begin with cg_."),
        ('clean: {storage: {"cg*": [analytics]}}\n', "clean.storage.cg*",
         "“cg*” would take the visitor's choice itself, whose names begin with cg_."),
        ('clean: {cookies: {"s*": [analytics]}}\n', "clean.cookies.s*", "“s*” would take cookies of your own."),
        ('clean: {cookies: {"a b": [analytics]}}\n', "clean.cookies.a b", "“a b” cannot be a cookie's name."),
        ('clean: {storage: {"ab*c*d*e*": [analytics]}}\n', "clean.storage.ab*c*d*e*",
         "“ab*c*d*e*” has more than 3 stars."),
        ("clean: {cookies: {_ga: [security]}}\n", "clean.cookies._ga[0]",
         "“security” is always on, so this would never be removed."),
        ("clean: {trackers: {ga4: [analytiks]}}\n", "clean.trackers.ga4[0]", "“analytiks” is no purpose here."),
        ("clean: {trackers: {piwik: [analytics]}}\n", "clean.trackers.piwik", "“piwik” is not known here."),
        ("attach: {matomo: analytiks}\n", "attach.matomo", "There is no purpose “analytiks”."),
        ("attach: {jitsu: analytics}\n", "attach.jitsu", "“jitsu” is not known here."),
        ("attach: {matomo: security}\ncollectors: {matomo: {purpose: analytics}}\n", "attach.matomo",
         "As a collector, “matomo” declares the purpose “analytics”."),
        ("google: {ad_storage: ads}\n", "google.ad_storage", "There is no purpose “ads”."),
        ("google: {ad_storage: analytics, region: [JP]}\n", "google.region",
         "“region” is for `advanced` alone: else the tags are held back until somebody allows them."),
        ("google: {ad_storage: analytics, advanced: true, region: [jp]}\n", "google.region[0]",
         "“jp” has the wrong form."),
        ("share: {domain: co.jp}\n", "share.domain",
         "Under “co.jp” others have sites too, so no browser sets cookies for it."),
        ("share: {domain: example.com}\n", "share.domain", "None of the origins is at or beneath “example.com”."),
        ("share: {domain: 192.0.2.1}\n", "share.domain", "Addresses have no sub-domains."),
        ("share: {domain: .example.jp}\n", "share.domain", "“.example.jp” has the wrong form."),
        ("reload_on_withdrawal: always\n", "reload_on_withdrawal", "“always” is not known here."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_fix(lines: str, path: str, sentence: str) -> None:
    fault = only_fault(edited(_with(lines)))
    assert (fault.path, fault.message) == (path, sentence)
    assert fault.fix

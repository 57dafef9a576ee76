"""``hold``: hosts that pages hold back by themselves, and never the site's own."""

from __future__ import annotations

import pytest
from policy_material import edited, only_fault, small

from cookiegate.policy.difference import compare
from cookiegate.policy.encoding import canonical_json, from_document, to_document

_END = "    retention_days: 180\n    recipients: [host]\n"


def _with(hosts: str) -> tuple[str, str]:
    return _END, f"{_END}hold: {{hosts: {hosts}}}\n"


def test_hosts_are_read_with_their_purposes_and_published() -> None:
    policy = small(_with('{www.google-analytics.com: analytics, "*.doubleclick.net": analytics}'))
    assert policy.hold is not None
    assert dict(policy.hold.hosts) == {"www.google-analytics.com": "analytics", "*.doubleclick.net": "analytics"}
    assert from_document(to_document(policy)) == policy


def test_what_is_not_given_leaves_the_published_form_as_it_was() -> None:
    assert small().hold is None
    assert b"hold" not in canonical_json(small())


@pytest.mark.parametrize(
    ("hosts", "message", "fix"),
    [
        ('{"https://Stats.example/x": analytics}', "“https://Stats.example/x” is not a host name.",
         "Write stats.example."),
        ('{"stats.example:8443": analytics}', "“stats.example:8443” is not a host name.", "Write stats.example."),
        ('{"*": analytics}', "“*” is not a host name.",
         "Write it as www.example.com, or *.example.com for every host below."),
        ('{"*.com": analytics}', "“*.com” is not a host name.",
         "Write it as www.example.com, or *.example.com for every host below."),
        ('{"a.*.example": analytics}', "“a.*.example” is not a host name.",
         "Write it as www.example.com, or *.example.com for every host below."),
        ("{stats.example: analitycs}", "“analitycs” is no purpose of this policy.", "Did you mean “analytics”?"),
        ("{stats.example: security}", "“security” is always on, so nothing waits for it.", "Use one of: analytics."),
        ("{shop.example.jp: analytics}", "“shop.example.jp” is one of the site's own hosts, whose code is never held.",
         "Delete this line, or name the other hosts one by one."),
        ('{"*.example.jp": analytics}', "“shop.example.jp” is one of the site's own hosts, whose code is never held.",
         "Delete this line, or name the other hosts one by one."),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_named_with_its_fix(hosts: str, message: str, fix: str) -> None:
    fault = only_fault(edited(_with(hosts)))
    assert (fault.message, fault.fix) == (message, fix)
    assert fault.path.startswith("hold.hosts.")


def test_another_list_is_told_and_asks_nobody_again() -> None:
    (change,) = compare(small(), small(_with("{stats.example: analytics}"))).changes
    assert (change.sentence, change.asks_again) == ("The hosts that pages hold back changed.", False)

"""What changed, in words, and who is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_material import CONTRACT, DEMO, SMALL, edited, small

from cookiegate.errors import PolicyError
from cookiegate.policy.difference import Difference, compare
from cookiegate.policy.reading import load_policy, read_policy

_CLAUSES = "    transfer: standard_clauses\n    transfer_safeguards: The clauses of 2021."
_NEW_PURPOSE = """\
  - key: advertising
    title: Advertising
    description: To show advertisements.
    legal_basis: consent
    acquire: [browsing]
    retention_days: 30
"""


def difference(*edits: tuple[str, str]) -> Difference:
    """From the small policy to itself, edited."""
    return compare(small(), small(*edits))


def test_the_same_policy_has_no_difference() -> None:
    assert difference() == Difference(())
    assert not difference().asks_again


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ([("    recipients: [host]\n", "    recipients: [host]\n" + _NEW_PURPOSE)],
         "The purpose “Advertising” (advertising) is new. It uses: Browsing."),
        ([("acquire: [device, browsing]", "acquire: [device, browsing, ip, other]")],
         "“Analytics” (analytics) now also uses: IP address, Other technical information."),
        ([("acquire: [ip]", "acquire: [ip, device]")],
         "“Security” (security) now also uses: Device and browser."),
        ([("retention_days: 180", "retention_days: 181")],
         "Data for “Analytics” (analytics) is kept longer: 181 days instead of 180."),
        ([("    retention_days: 90\n", "    retention_days: 90\n    recipients: [host]\n")],
         "Data for “Security” (security) now also goes to “Aoba Cloud” (trustee, Japan)."),
        ([("kind: trustee", "kind: third_party"), (CONTRACT, "")],
         "The recipient “Aoba Cloud” changed from trustee to third party."),
        ([("country: JP", "country: DE\n    transfer: equivalent_country")],
         "The recipient “Aoba Cloud” moved from Japan to Germany."),
        ([("acquire: [device, browsing]", "acquire: [device, browsing]\n    automated_decisions: true")],
         "“Analytics” (analytics) now decides about people by machine alone, with legal or similarly significant"
         " effects."),
        ([("address: Tokyo", "address: Tokyo\n  country: DE"), ("    country: JP", f"    country: JP\n{_CLAUSES}")],
         "The basis for provision to “Aoba Cloud” abroad changed from none to standard clauses."),
        ([("locales: [en]", "locales: [en]\nretention: {ip_evidence_days: 30}")],
         "IP addresses as evidence are kept for 30 days instead of 0."),
        ([("legal_basis: legitimate_interests", "legal_basis: public_task")],
         "The legal basis of “Security” (security) changed from legitimate interests to public task."),
        ([("legal_basis: consent", "legal_basis: contract\n    always_on: true")],
         "“Analytics” (analytics) is now always on: visitors can no longer refuse it."),
        ([("    always_on: true\n", ""), ("legal_basis: legitimate_interests", "legal_basis: consent")],
         "“Security” (security) is now for visitors to allow or refuse, and nobody has allowed it yet."),
        ([("locales: [en]", "locales: [en]\nip_when_refused: truncate")],
         "An IP address that was not granted is now shortened and kept, no longer removed."),
    ],
)  # fmt: skip
def test_s05_a_wider_use_asks_again_and_says_why(edits: list[tuple[str, str]], sentence: str) -> None:
    found = difference(*edits)
    assert found.asks_again
    assert found.changes[0].sentence == sentence
    assert found.changes[0].asks_again


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ([("acquire: [device, browsing]", "acquire: [device]")], "“Analytics” (analytics) no longer uses: Browsing."),
        ([("retention_days: 180", "retention_days: 30")],
         "Data for “Analytics” (analytics) is kept for less time: 30 days instead of 180."),
        ([("    recipients: [host]\n", "")], "Data for “Analytics” (analytics) no longer goes to “Aoba Cloud”."),
        ([("title: Analytics", "title: Statistics")],
         "The title of “Statistics” (analytics) was reworded in English. If it now means more, give the purpose a new"
         " key, so that visitors are asked."),
        ([("To count visits.", "To count the visits.")],
         "The description of “Analytics” (analytics) was reworded in English. If it now means more, give the purpose a"
         " new key, so that visitors are asked."),
        ([("name: Aoba Cloud", "name: Aoba Clouds")],
         "The name of the recipient “Aoba Clouds” was reworded. If it is another company, give it a key of its own, so"
         " that visitors are asked."),
        ([("country: JP", "country: JP\n    url: https://cloud.example.jp/")],
         "The web address of the recipient “Aoba Cloud” changed."),
        ([("address: Tokyo", "address: Osaka")], "The details of the controller changed."),
        ([("shop.example.jp", "shop2.example.jp")], "The list of origins changed."),
        ([("locales: [en]", 'locales: [en]\ntheme: {accent: "#123"}')], "The look of the banner changed."),
        ([("locales: [en]", "locales: [en]\ntexts: {accept: Yes}")], "Texts of the banner were reworded."),
        ([("locales: [en]", "locales: [en]\ncategories: {ip: {title: IP}}")],
         "Acquisition categories were reworded."),
        ([("locales: [en]", "locales: [en]\nout_of_scope: Links.")],
         "The statement of what is out of scope was reworded."),
        ([("locales: [en]", "locales: [en]\nask_again_days: 90")],
         "Visitors are asked again after 90 days instead of 180."),
        ([("locales: [en]", "locales: [en]\ncollectors: {plausible: {purpose: analytics}}")],
         "The tracker “plausible” was added."),
        ([("vetted_on: 2026-04-01", "vetted_on: 2027-04-01")],
         "The contract facts of the recipient “Aoba Cloud” changed."),
        ([("locales: [en]", "locales: [en]\neu_data: true")],
         "The statement of whether data of people in the EU is handled changed."),
        ([("locales: [en]", "locales: [en]\nretention: {consent_days: 2000}")],
         "Proofs of consent are kept for 2000 days instead of 1095."),
    ],
)  # fmt: skip
def test_s05_a_narrower_use_a_typo_or_a_look_asks_nobody(edits: list[tuple[str, str]], sentence: str) -> None:
    found = difference(*edits)
    assert [change.sentence for change in found.changes] == [sentence]
    assert not found.asks_again


def test_a_purpose_that_goes_asks_nobody_and_one_that_comes_back_asks_again() -> None:
    without = read_policy(SMALL[: SMALL.index("  - key: analytics")])
    assert [change.sentence for change in compare(small(), without).changes] == [
        "The purpose “Analytics” (analytics) is no longer there."
    ]
    assert not compare(small(), without).asks_again
    assert compare(without, small()).asks_again


def test_a_renamed_purpose_is_a_new_one() -> None:
    assert difference(("key: analytics", "key: statistics")).asks_again


def test_a_recipient_that_nobody_uses_yet_asks_nobody() -> None:
    unused = ("  host:", "  other: {name: Other, kind: third_party, country: JP}\n  host:")
    assert not difference(unused).asks_again
    assert difference(unused, ("recipients: [host]", "recipients: [host, other]")).asks_again


def test_an_unused_recipient_that_changes_asks_nobody() -> None:
    idle = ("    recipients: [host]\n", "")
    moved = compare(small(idle), small(idle, ("country: JP", f"country: US\n{_CLAUSES}")))
    assert [change.asks_again for change in moved.changes] == [False, False, False]


def test_s16_another_country_or_basis_asks_again_and_another_wording_of_its_safeguards_does_not() -> None:
    abroad = ("country: JP", f"country: US\n{_CLAUSES}")
    assert difference(abroad).asks_again
    by_consent = ("transfer: standard_clauses", "transfer: consent")
    changed = compare(small(abroad), small(abroad, by_consent))
    assert [(change.sentence, change.asks_again) for change in changed.changes] == [
        ("The basis for provision to “Aoba Cloud” abroad changed from standard clauses to consent.", True)
    ]
    reworded = compare(small(abroad), small(abroad, ("The clauses of 2021.", "The clauses of 2027.")))
    assert [change.asks_again for change in reworded.changes] == [False]


def test_s12_a_third_party_that_comes_to_rest_on_an_exception_asks_again() -> None:
    third = [("kind: trustee", "kind: third_party"), (CONTRACT, "")]
    excepted = compare(small(*third), small(*third, ("country: JP", "country: JP\n    exception: law")))
    assert [(change.sentence, change.asks_again) for change in excepted.changes] == [
        ("The legal exception for provision to “Aoba Cloud” changed from none to law.", True)
    ]


def test_a_tracker_whose_events_go_to_a_named_recipient_is_told_and_asks_nobody() -> None:
    bare = ("locales: [en]", "locales: [en]\ncollectors: {plausible: {purpose: analytics}}")
    sent = ("purpose: analytics}", "purpose: analytics, recipient: host}")
    assert [change.sentence for change in compare(small(bare), small(bare, sent)).changes] == [
        "What the tracker “plausible” collects now goes to the recipient “host”."
    ]


def test_a_translation_asks_nobody() -> None:
    old = load_policy(DEMO)
    text = DEMO.read_text(encoding="utf-8")
    reworded = compare(old, read_policy(edited(("en: Product development", "en: Making new products"), text=text)))
    assert [change.sentence for change in reworded.changes] == [
        "The title of “Making new products” (development) was reworded in English."
    ]
    prevailing = compare(old, read_policy(edited(("ja: 商品の開発", "ja: 商品開発"), text=text)))
    assert "was reworded in Japanese. If it now means more" in prevailing.changes[0].sentence
    other = compare(old, replace(old, authoritative_locale="en", locales=("en", "ja")))
    assert [change.sentence for change in other.changes] == ["The English version is now the one that prevails."]
    assert not any(found.asks_again for found in (reworded, prevailing, other))


def test_another_order_of_purposes_is_told_and_asks_nobody() -> None:
    policy = load_policy(DEMO)
    turned = compare(policy, replace(policy, purposes=policy.purposes[::-1]))
    assert [change.sentence for change in turned.changes] == ["The purposes are shown in another order."]
    assert not turned.asks_again


def test_a_field_that_no_longer_needs_a_category_asks_again() -> None:
    text = DEMO.read_text(encoding="utf-8")
    freed = compare(load_policy(DEMO), read_policy(edited(("client_id: identifier", "client_id: event"), text=text)))
    assert freed.asks_again
    assert freed.changes[0].sentence.endswith("recorded with every event: “client_id”.")
    sorted_anew = compare(load_policy(DEMO), read_policy(edited(("os: device", "os: other"), text=text)))
    assert not sorted_anew.asks_again


def test_a_controller_that_moves_to_another_country_asks_again_and_hides_no_other_change() -> None:
    abroad = ("    country: JP", "    country: JP\n    transfer: consent\n    transfer_safeguards: Law of Japan.")
    found = difference(("address: Tokyo", "address: Austin\n  country: US"), abroad)
    assert ("The controller moved from Japan to United States.", True) in [
        (change.sentence, change.asks_again) for change in found.changes
    ]
    assert "The details of the controller changed." in [change.sentence for change in found.changes]


def test_changes_that_ask_come_first_and_none_hides_another() -> None:
    found = difference(
        ("address: Tokyo", "address: Osaka"), ("To count visits.", "X."), ("acquire: [ip]", "acquire: [ip, other]")
    )
    assert [change.asks_again for change in found.changes] == [True, False, False]
    assert [change.path for change in found.changes] == [
        "purposes.security.acquire", "purposes.analytics.description", "controller",
    ]  # fmt: skip


def test_policies_of_two_sites_cannot_be_compared() -> None:
    with pytest.raises(PolicyError, match="two sites"):
        compare(small(), small(("site: shop", "site: shop2")))

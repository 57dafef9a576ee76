"""The example policies keep what the founding documents promise, row by row."""

from __future__ import annotations

import pytest
from policy_material import DEMO, EXAMPLES, ROOT, SMALL, edited, only_fault, seed_policies

from cookiegate.gate.fields import FIELD_CATEGORIES as GATE_CATEGORIES
from cookiegate.gate.fields import compile_fields
from cookiegate.gate.trackers import NAMES
from cookiegate.policy.document import CATEGORIES, Policy
from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import check, load_policy, read_text
from cookiegate.policy.schema import FIELD_CATEGORIES, TRACKERS

SEEDS = seed_policies()
_EVERY = pytest.mark.parametrize("policy", SEEDS.values(), ids=[policy.site for policy in SEEDS.values()])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_free_of_faults_and_named_after_its_site(path: object) -> None:
    assert check(read_text(path)) == []  # type: ignore[arg-type]
    assert load_policy(path).site == path.stem  # type: ignore[arg-type, attr-defined]


def test_there_is_one_policy_per_founding_document() -> None:
    assert sorted(SEEDS) == ["000", "001", "002", "003", "004"]
    assert load_policy(DEMO).source_document is None


def test_the_demo_has_every_usual_purpose_category_and_tracker() -> None:
    demo = load_policy(DEMO)
    assert [item.key for item in demo.purposes] == ["security", "quality", "analytics", "development", "advertising"]
    assert demo.purposes[0].always_on
    assert demo.purposes[0].acquire == ("ip",)
    assert demo.optional_categories == CATEGORIES
    assert set(demo.collectors) == {"snowplow", "plausible", "plain"}
    assert {"http://127.0.0.1:8000", "http://localhost:8000"} <= set(demo.origins)


def test_the_gate_knows_every_tracker_and_field_that_a_policy_may_name() -> None:
    assert set(TRACKERS) == set(NAMES)
    assert set(FIELD_CATEGORIES) == set(GATE_CATEGORIES)
    for policy in (load_policy(DEMO), *SEEDS.values()):
        for collector in policy.collectors.values():
            assert isinstance(compile_fields(collector.fields), dict)


@_EVERY
def test_s03_every_purpose_is_shown_with_its_description(policy: Policy) -> None:
    for locale in policy.locales:
        shown = build_notice(policy, 1, locale).body["purposes"]
        assert [item["key"] for item in shown] == [purpose.key for purpose in policy.purposes]
        assert all(item["title"] and item["description"] for item in shown)


def test_s01_the_ip_address_serves_security_alone() -> None:
    policy = SEEDS["000"]
    assert [purpose.key for purpose in policy.purposes if "ip" in purpose.acquire] == ["security"]
    assert policy.ip_when_refused == "drop"


def test_s07_automatic_acquisition_is_an_allow_list_of_categories() -> None:
    policy = SEEDS["004"]
    assert policy.purposes[0].acquire == ("ip", "device", "language", "screen", "other")
    told = {item["key"]: item["title"] for item in build_notice(policy, 1, "en").body["acquire"]}
    assert told["ip"] == "IP address and port number"
    assert told["device"] == "Operating system, browser and hardware"
    assert told["screen"] == "Screen information"
    fault = only_fault(edited(("acquire: [ip]", "acquire: [ip, medical_history]")))
    assert fault.fix == f"Use one of: {', '.join(CATEGORIES)}."


def test_s08_cookie_data_is_split_by_purpose() -> None:
    policy = SEEDS["001"]
    uses = {item.key: item.acquire for item in policy.optional_purposes if "browsing" in item.acquire}
    assert set(uses) == {"quality", "analytics", "development", "advertising"}
    assert all(policy.purpose(key) in policy.optional_purposes for key in uses)


def test_s11_sensitive_categories_cannot_even_be_named() -> None:
    for category in ("race", "creed", "social_status", "medical_history", "criminal_record", "sex_life"):
        fault = only_fault(edited(("acquire: [ip]", f"acquire: [ip, {category}]")))
        assert "not known here" in fault.message


def test_s13_event_participants_get_data_only_on_consent() -> None:
    policy = SEEDS["001"]
    receiving = [purpose for purpose in policy.purposes if "event-participants" in purpose.recipients]
    assert [(item.key, item.always_on, item.legal_basis) for item in receiving] == [
        ("event-participation", False, "consent")
    ]
    assert policy.recipients["event-participants"].kind == "third_party"


def test_s14_recipients_are_typed_and_joint_use_names_who_is_responsible() -> None:
    kinds = {item.kind for policy in SEEDS.values() for item in policy.recipients.values()}
    assert kinds == {"third_party", "trustee", "joint_user"}
    carrier = build_notice(SEEDS["003"], 1, "en").body
    offers = next(item for item in carrier["purposes"] if item["key"] == "group-offers")
    assert offers["recipients"][0]["kind_text"] == "Joint user"
    assert "Items used jointly: browsing and identifiers." in offers["description"]
    shared = offers["recipients"][0]["joint_use"]
    assert shared["items"] == "Browsing and identifiers"
    assert shared["purpose"] == "Offers of services of our group"
    assert shared["responsible"].startswith("Sample Telecom Co., Ltd.")
    assert only_fault(edited(("kind: trustee", "kind: partner"))).path == "recipients.host.kind"


@_EVERY
def test_s17_every_purpose_has_a_retention_period(policy: Policy) -> None:
    assert all(purpose.retention_days > 0 for purpose in policy.purposes)
    fault = only_fault(SMALL.replace("    retention_days: 180\n", ""))
    assert fault.message == "“retention_days” is missing."


@_EVERY
def test_s32_officer_address_and_a_way_to_reach_them_are_published(policy: Policy) -> None:
    for locale in policy.locales:
        controller = build_notice(policy, 1, locale).body["controller"]
        assert all(controller[part] for part in ("name", "address", "privacy_officer"))
        assert controller["email"] or controller["phone"] or controller["url"]


def test_s32_the_published_contacts_are_those_of_the_document() -> None:
    controller = SEEDS["001"].controller
    assert controller.representative is not None
    assert controller.representative["en"] == "Nobuhiro Oga"
    assert controller.address["en"].startswith("Kanda Omiya Bldg. 6F, 1-23-1 Kanda Jimbocho")
    assert controller.email == "personal-info@magnet-global.net"


@_EVERY
def test_s39_one_language_prevails(policy: Policy) -> None:
    assert policy.locales == ("ja", "en")
    assert policy.authoritative_locale == "ja"
    assert build_notice(policy, 1, "en").body["texts"]["authoritative_note"].endswith("Japanese version prevails.")


@_EVERY
def test_s40_something_can_be_refused_on_every_site(policy: Policy) -> None:
    assert policy.optional_purposes
    assert all(purpose.legal_basis == "consent" for purpose in policy.optional_purposes)


def test_s41_refusing_abusers_is_a_purpose_of_its_own() -> None:
    abuse = SEEDS["001"].purpose("abuse")
    assert abuse is not None
    assert abuse.always_on
    assert abuse.acquire == ("ip",)


def test_s42_linked_sites_are_declared_out_of_scope() -> None:
    policy = SEEDS["000"]
    assert "linked sites" in (build_notice(policy, 1, "en").body["out_of_scope"] or "")
    assert "リンク先" in (build_notice(policy, 1, "ja").body["out_of_scope"] or "")


def test_placeholders_in_examples_live_on_example_domains() -> None:
    for path in EXAMPLES.glob("*.yaml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "://" in line:
                assert ".example.jp" in line or "127.0.0.1" in line or "localhost" in line, (path.name, line)
    assert (ROOT / "examples").is_dir()

"""Providing data to others: nothing without a ground, a basis and a contract (S10, S12, S14 to S17, S38)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import rfc8785
from click.testing import CliRunner
from policy_material import CONTRACT, DEMO, EXAMPLES, edited, only_fault, seed_policies, small

from cookiegate.cli.policy import command
from cookiegate.cli.tables import csv_text, table_text
from cookiegate.clock import FrozenClock
from cookiegate.policy.countries import ADEQUATE_FOR_EU, EEA, EQUIVALENT_TO_JAPAN, equivalent_countries
from cookiegate.policy.document import Policy, Recipient, Retention
from cookiegate.policy.encoding import to_document
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.locales import is_country
from cookiegate.policy.notice import build_notice
from cookiegate.policy.publishing import publish
from cookiegate.policy.reading import check, read_policy
from cookiegate.policy.register import register_rows
from cookiegate.policy.stages import stage_rows
from cookiegate.storage.contract import PolicyRow, Storage

SEEDS = seed_policies()
_EVERY = pytest.mark.parametrize("policy", SEEDS.values(), ids=[policy.site for policy in SEEDS.values()])
THIRD = (f"    kind: trustee\n    country: JP\n{CONTRACT}", "    kind: third_party\n    country: JP\n")
UNASKED = ("    retention_days: 90\n", "    retention_days: 90\n    recipients: [host]\n")
ABROAD = ("country: JP", "country: US")
TOLD = "    transfer_safeguards: The rules of the country, and what the recipient does."


def moved(country: str, *lines: str) -> tuple[str, str]:
    return "    country: JP\n", "".join(f"{line}\n" for line in (f"    country: {country}", *lines))


@pytest.mark.parametrize(
    ("edits", "path", "message", "fix"),
    [
        ([THIRD, UNASKED], "purposes[0].recipients[0]", "“host” is a third party, and nobody is asked",
         "give `recipients.host` an `exception`"),
        ([THIRD, ("kind: third_party", "kind: third_party\n    exception: warrant")], "recipients.host.exception",
         "“warrant” is not known here", "life_body_property"),
        ([("country: JP", "country: JP\n    exception: law")], "recipients.host.exception", "no third party", "Delete"),
        ([(CONTRACT, "")], "recipients.host", "works under a contract", "Add `contract:`"),
        ([("confidentiality: true, ", "")], "recipients.host.contract.confidentiality", "is missing",
         "Add `confidentiality: true`."),
        ([("no_reprovision: true", "no_reprovision: false")], "recipients.host.contract.no_reprovision",
         "must have this clause", "Agree on it"),
        ([("audit: true", "audit: yes")], "recipients.host.contract.audit", "must have this clause", "write `true`"),
        ([("vetted_on: 2026-04-01", "vetted_on: 2026-02-30")], "recipients.host.contract.vetted_on", "not a date",
         "2026-04-01"),
        ([("vetted_on: 2026-04-01", "vetted_on: 1 April 2026")], "recipients.host.contract.vetted_on", "12 characters",
         "Shorten"),
        ([("vetted_on: 2026-04-01", "vetted_on: 20260401")], "recipients.host.contract.vetted_on", "must be a text",
         "in quotes"),
        ([("kind: trustee", "kind: third_party")], "recipients.host.contract", "is of a trustee", "kind: trustee"),
        ([(f"    kind: trustee\n    country: JP\n{CONTRACT}", "    kind: joint_user\n    country: JP\n")],
         "recipients.host", "Joint use must be published", "Add `joint_use:`"),
        ([ABROAD], "recipients.host", "in another country than the controller", "standard_clauses"),
        ([("country: JP", "country: DE")], "recipients.host", "in another country", "transfer: equivalent_country"),
        ([moved("US", "    transfer: equivalent_country")], "recipients.host.transfer", "US is not known here",
         "Use `standard_clauses`"),
        ([moved("US", "    transfer: standard_clauses")], "recipients.host.transfer", "people are told",
         "transfer_safeguards"),
        ([moved("US", "    transfer: contract")], "recipients.host.transfer", "not known here", "equivalent_country"),
        ([("country: JP", "country: JP\n    transfer: consent")], "recipients.host.transfer", "own country", "Delete"),
        ([moved("US", "    transfer: consent", TOLD), UNASKED], "purposes[0].recipients[0]", "abroad rests on consent",
         "another basis"),
        ([moved("US", "    transfer: equivalent_measures", TOLD), ("purposes:", "eu_data: true\npurposes:")],
         "recipients.host.transfer", "under standard clauses alone", "transfer: standard_clauses"),
        ([("purposes:", "collectors: {plausible: {purpose: security, recipient: host}}\npurposes:")],
         "collectors.plausible.recipient", "“security” does not name", "Add host to the purpose's"),
        ([("acquire: [ip]", "acquire: [ip]\n    automated_decisions: true")], "purposes[0].automated_decisions",
         "need their explicit consent", "legal_basis: consent"),
        ([("purposes:", "retention: {provision_days: 365}\npurposes:")], "retention.provision_days", "out of range",
         "1095 to 3650"),
        ([("purposes:", "retention: {consent_days: 90}\npurposes:")], "retention.consent_days",
         "proof would be gone after 90", "180 or more"),
        ([("purposes:", "retention: {ip_evidence_days: 91}\npurposes:")], "retention.ip_evidence_days",
         "keep it for 90 days", "90 or less"),
        ([("purposes:", "retention: {ip_evidence_days: 30}\npurposes:"), ("acquire: [ip]", "acquire: []")],
         "retention.ip_evidence_days", "No purpose that is always on", "Write 0"),
        ([("purposes:", "retention: {log_days: 9}\npurposes:")], "retention.log_days", "not known", "refusal_days"),
    ],
)  # fmt: skip
def test_provision_without_a_ground_is_refused_with_the_field_and_the_fix(
    edits: list[tuple[str, str]], path: str, message: str, fix: str
) -> None:
    fault = only_fault(edited(*edits))
    assert fault.path == path
    assert message in fault.message
    assert fix in fault.fix


@pytest.mark.parametrize(
    "edits",
    [
        [THIRD],
        [THIRD, UNASKED, ("kind: third_party", "kind: third_party\n    exception: law")],
        [moved("DE", "    transfer: equivalent_country")],
        [moved("GB", "    transfer: equivalent_country")],
        [moved("US", "    transfer: standard_clauses", TOLD), ("purposes:", "eu_data: true\npurposes:")],
        [moved("US", "    transfer: equivalent_measures", TOLD)],
        [moved("US", "    transfer: consent", TOLD)],
        [moved("NZ", "    transfer: consent", TOLD), ("purposes:", "eu_data: true\npurposes:")],
        [THIRD, moved("US"), ("country: US", "country: US\n    exception: life_body_property")],
        [("address: Tokyo", "address: Berlin\n  country: DE"), moved("JP", "    transfer: equivalent_country")],
        [("acquire: [device, browsing]", "acquire: [device]\n    automated_decisions: true")],
        [("purposes:", "retention: {ip_evidence_days: 90, consent_days: 180}\npurposes:")],
    ],
)
def test_provision_on_good_ground_is_free_of_faults(edits: list[tuple[str, str]]) -> None:
    assert check(edited(*edits)) == []


def test_s10_decisions_by_machine_alone_need_consent_and_are_told_where_one_chooses() -> None:
    unasked = only_fault(edited(("acquire: [ip]", "acquire: [ip]\n    automated_decisions: true")))
    assert "need their explicit consent" in unasked.message
    plain = small(("acquire: [device, browsing]", "acquire: [device]\n    automated_decisions: true"))
    told = build_notice(plain, 1, "en").body["purposes"][1]
    assert told["automated_decisions"] is True
    assert told["description"].startswith("To count visits. Decisions that have legal or similarly significant")
    text = DEMO.read_text(encoding="utf-8").replace("    acquire: [browsing, identifier]\n",
        "    acquire: [browsing, identifier]\n    automated_decisions: true\n", 1)  # fmt: skip
    japanese = build_notice(read_policy(text), 1, "ja").body["purposes"][4]["description"]
    assert "広告を表示します。法的な効果や同様に重大な影響のある決定を" in japanese
    assert not any(purpose.automated_decisions for policy in SEEDS.values() for purpose in policy.purposes)


def test_s12_a_third_party_gets_data_on_consent_or_under_a_coded_exception_only() -> None:
    asked = small(THIRD)
    given = asked.providing("analytics", "host")
    assert given is not None
    assert (given.ground, given.is_recorded) == ("consent", True)
    assert asked.providing("security", "host") is None
    excepted = small(THIRD, UNASKED, ("kind: third_party", "kind: third_party\n    exception: law"))
    by_law = excepted.providing("security", "host")
    assert by_law is not None
    assert by_law.ground == "law"
    assert set(LEGAL_EXCEPTIONS.values()) == {
        f"APPI 27(1)({item})" for item in ("i", "ii", "iii", "iv", "v", "vi", "vii")
    }


def test_s12_a_policy_from_before_the_checks_gives_no_ground_where_one_is_needed() -> None:
    policy = small(UNASKED)
    old = Recipient("host", {"en": "X"}, "third_party", "JP")
    assert policy.providing("security", "host") is not None
    assert replace(policy, recipients={"host": old}).providing("security", "host") is None
    assert policy.providing("analytics", "nobody") is None
    assert policy.providing("nothing", "host") is None


@_EVERY
def test_s12_no_example_gives_a_third_party_data_without_asking(policy: Policy) -> None:
    for purpose in policy.purposes:
        for key in purpose.recipients:
            given = policy.providing(purpose.key, key)
            assert given is not None
            assert given.recipient.kind != "third_party" or given.ground == "consent"


def test_s14_joint_use_publishes_items_purpose_and_who_is_responsible_in_every_language() -> None:
    for locale, words in (("en", "Browsing and identifiers"), ("ja", "閲覧履歴と識別子")):
        purposes = build_notice(SEEDS["003"], 1, locale).body["purposes"]
        shared = next(item for item in purposes if item["key"] == "group-offers")["recipients"][0]["joint_use"]
        assert set(shared) == {"items", "purpose", "responsible"}
        assert shared["items"] == words


@_EVERY
def test_s15_every_trustee_is_vetted_and_bound_by_every_clause(policy: Policy) -> None:
    rows = [row for row in register_rows(policy, date(2026, 11, 21)) if row["kind"] == "trustee"]
    assert rows
    for row in rows:
        assert row["vetted_on"] == "2026-04-01"
        clauses = ("confidentiality", "no_reprovision", "audit", "return_or_destroy_at_end")
        assert [row[name] for name in clauses] == ["yes"] * 4
        assert row["state"] == "used"


def test_s15_the_register_shows_contracts_that_ended_and_recipients_that_nobody_uses() -> None:
    ended = small(("return_or_destroy_at_end: true", "return_or_destroy_at_end: true, ends_on: 2026-11-20"))
    assert [row["state"] for row in register_rows(ended, date(2026, 11, 20))] == ["used"]
    assert [row["state"] for row in register_rows(ended, date(2026, 11, 21))] == ["contract ended"]
    idle = small(("    recipients: [host]\n", ""))
    assert [row["state"] for row in register_rows(idle, date(2026, 11, 21))] == ["unused"]


def test_s16_data_goes_abroad_to_recognised_countries_or_under_safeguards_that_are_told() -> None:
    abroad = next(item for item in SEEDS["004"].recipients.values() if item.country != "JP")
    assert (abroad.country, abroad.transfer) == ("DE", "equivalent_country")
    assert SEEDS["004"].eu_data
    told = build_notice(small(moved("US", "    transfer: standard_clauses", TOLD)), 1, "en").body["purposes"][1]
    assert told["recipients"][0]["transfer_text"] == "Standard contractual clauses"
    assert told["recipients"][0]["transfer_safeguards"] == "The rules of the country, and what the recipient does."


def test_s16_the_lists_of_countries_are_countries_and_differ_by_law() -> None:
    assert all(is_country(code) for code in EEA | ADEQUATE_FOR_EU | EQUIVALENT_TO_JAPAN)
    assert len(EEA) == 30
    assert equivalent_countries("JP") == EEA | {"GB"}
    assert {"JP", "CH", "FR"} <= equivalent_countries("DE")
    assert "DE" not in equivalent_countries("DE")
    assert not equivalent_countries("US")
    assert "US" not in ADEQUATE_FOR_EU


def test_s17_the_service_s_own_records_have_periods_with_lawful_bounds() -> None:
    assert small().retention == Retention(1_095, 365, 1_095, 1_095, 0)
    own = small(("purposes:", "retention: {consent_days: 400, ip_evidence_days: 30}\npurposes:"))
    assert own.retention == Retention(consent_days=400, ip_evidence_days=30)
    assert build_notice(own, 1, "en").body["retention"] == {
        "consent_text": "400 days",
        "refusal_text": "1 year",
        "ip_evidence_text": "30 days",
    }


@_EVERY
def test_s38_every_purpose_has_a_rule_for_every_stage_and_somebody_responsible(policy: Policy) -> None:
    rows = stage_rows(policy)
    for purpose in policy.purposes:
        stages = [row["stage"] for row in rows if row["purpose"] == purpose.key]
        assert stages == ["acquire", "use", "store", "provide", "dispose"]
    assert all(row["rule"] and row["kept_by"] and row["responsible"] for row in rows)
    assert sum(row["purpose"] == "(records)" for row in rows) == 5


def test_s38_the_rules_say_what_the_policy_says() -> None:
    rules = {(row["purpose"], row["stage"]): row["rule"] for row in stage_rows(SEEDS["003"])}
    assert rules["security", "acquire"] == "Automatically: ip; without asking (legal obligation)."
    assert rules["service", "acquire"] == "What people hand in; without asking (contract)."
    assert rules["quality", "acquire"] == "Automatically: device, language, screen, browsing; only after consent."
    assert rules["quality", "store"].endswith("An IP address that was not granted is removed.")
    assert rules["group-offers", "provide"].endswith("(joint user, Japan)")
    assert rules["group-offers", "dispose"] == "Erased after 365 days, or on the person's request."


def run(*words: object) -> str:
    result = CliRunner().invoke(command, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_register_prints_for_screens_programs_and_spreadsheets() -> None:
    path = EXAMPLES / "telecom-carrier.yaml"
    assert run("recipients", path).splitlines()[1].startswith("vendor ")
    rows = json.loads(run("recipients", path, "--kind", "joint_user", "--format", "json"))
    assert [(row["key"], row["joint_purpose"]) for row in rows] == [("group", "Offers of services of our group")]
    sheet = list(csv.DictReader(io.StringIO(run("recipients", path, "--format", "csv").removeprefix("\ufeff"))))
    assert [row["key"] for row in sheet] == ["vendor", "group"]


def test_the_stages_print_for_a_published_version_too(tmp_path: Path) -> None:
    run("publish", DEMO, "--data-dir", tmp_path)
    assert run("stages", "demo@1", "--data-dir", tmp_path) == run("stages", DEMO)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", " =1", "\r=1"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(name: str) -> None:
    text = csv_text([{"name": name}], ["name"])
    cell = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1][0]
    assert cell.startswith("'")


def test_a_table_lines_up_wide_characters_and_drops_what_a_terminal_would_obey() -> None:
    shown = table_text([{"a": "青葉", "b": "x"}, {"a": "A\x1b[31m", "b": None}], ["a", "b"])
    assert shown.splitlines() == ["a       b", "青葉    x", "A [31m"]


def test_a_policy_stored_before_these_keys_existed_is_the_same_one_still(storage: Storage, clock: FrozenClock) -> None:
    policy = small(THIRD)
    document = to_document(policy)
    for name in ("eu_data", "retention"):
        del document[name]
    del document["controller"]["country"]
    for purpose in document["purposes"]:
        del purpose["automated_decisions"]
    body = rfc8785.dumps(document)
    storage.policies.add(PolicyRow("shop", 1, hashlib.sha256(body).hexdigest(), body, True, 1, clock.now_ms()), [])
    published = publish(storage, policy, clock)
    assert (published.version, published.policy) == (1, policy)

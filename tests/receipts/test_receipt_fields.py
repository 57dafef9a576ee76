"""A receipt says what ISO/IEC TS 27560 asks for, in the terms of W3C DPV: checked by SHACL, without a network."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from support.policies import demo_policy
from support.service import Bench, Visitor

from cookiegate.ledger.receipt_document import context_text, describe_notice
from cookiegate.policy.notice import build_notice
from receipts.material import ACTIONS, decide, example_policies, faults, payload, take

EXAMPLES = example_policies()
CASES = [
    pytest.param(policy, action, locale, id=f"{policy.site}-{action}-{locale}")
    for policy in EXAMPLES
    for action in ACTIONS
    for locale in policy.locales
]
#: Every member whose absence the shapes must notice.
MEMBERS = [
    "type", "conformsTo", "iss", "iat", "jti", "notice", "notice.type", "notice.language", "notice.url", "controller",
    "controller.identifier", "controller.name", "controller.address", "controller.contact", "processes",
    "processes.*.purpose", "processes.*.basis", "processes.*.data", "processes.*.storage", "processes.*.to",
    "recipients", "recipients.*.type", "recipients.*.name", "recipients.*.country", "storage", "withdrawal",
    "withdrawal.type",
    "withdrawal.at", "right", "right.type", "right.at", "jurisdiction", "included", "status", "status.*.type",
    "status.*.by", "status.*.duration", "status.*.for", "status.*.data", "record", "record.id", "record.site",
    "record.sub", "record.notice", "record.policy_version", "record.action", "record.decided_at", "record.purposes",
    "record.acquire", "salt", "leaf", "ledger", "ledger.proof", "ledger.checkpoint",
]  # fmt: skip


@pytest.mark.parametrize(("policy", "action", "locale"), CASES)
def test_every_receipt_has_every_mandatory_field(examples: Bench, policy: Any, action: str, locale: str) -> None:
    document = payload(decide(examples, policy, action, locale))
    assert faults(document) == ""
    assert document["notice"]["language"] == locale
    assert document["controller"]["name"] == policy.controller.name[locale]


@pytest.fixture(scope="module")
def whole(examples: Bench) -> dict[str, Any]:
    """A receipt in which everything occurs that may."""
    return payload(decide(examples, next(item for item in EXAMPLES if item.site == "demo"), "choose", "en"))


@pytest.mark.parametrize("member", MEMBERS)
def test_a_receipt_without_one_of_them_does_not_pass(whole: dict[str, Any], member: str) -> None:
    document = copy.deepcopy(whole)
    if member == "type":  # a receipt that does not say what it is would be no target of any shape
        document["type"] = "ConsentNotice"
        document["status"][0]["type"] = "ConsentReceipt"
    else:
        _remove(document, member.split("."))
    assert faults(document) != ""


def _remove(node: Any, path: list[str]) -> None:
    name, *rest = path
    if name == "*":
        _remove(next(iter(node.values())) if isinstance(node, dict) else node[0], rest)
    elif rest:
        _remove(node[name], rest)
    else:
        del node[name]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status", 0, "type"), "withdrawn?"),
        (("status", 0, "by"), "DataController"),
        (("status", 0, "for"), ["_:analytics", "_:quality", "_:advertising"]),
        (("processes", "_:analytics", "basis"), "habit"),
        (("jurisdiction",), ["Japan"]),
        (("record", "decided_at"), 1),
        (("leaf",), "00"),
    ],
)
def test_a_receipt_with_a_wrong_value_does_not_pass(whole: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(whole)
    node: Any = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    assert faults(document) != ""


def test_every_member_has_a_meaning(whole: dict[str, Any]) -> None:
    context = json.loads(context_text())["@context"]
    record = context["record"]["@context"]
    maps = ("recipients", "processes")
    inner = [item for name in maps for item in whole[name].values()]
    parts = [whole["notice"], whole["controller"], whole["ledger"], whole["storage"], *whole["status"], *inner]
    keys = {key for part in (whole, *parts) for key in part} - {"@context"}
    assert keys - set(context) == set()
    assert set(whole["record"]) - set(record) == set()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("receipt-1.jsonld", "67f49491a2f0725de6bd52979ef196ecf7e061a692f1901400e70d6ff8de0afa"),
        ("receipt-2.jsonld", "4c78429823030e9dcf05d356d732fb5d58792685f175d100053a1fc595be4cbb"),
        ("receipt-3.jsonld", "00ddbd9ea61238e11cbb31ee413af247ccd1f4612e2076d9f7cb6cfd22b38fcd"),
    ],
)
def test_a_published_context_never_changes(name: str, digest: str) -> None:
    kept = hashlib.sha256(context_text(name)).hexdigest()
    assert kept == digest, "receipts name this file: give a new meaning a new number"


def test_what_was_chosen_is_said_for_every_purpose_and_category(visitor: Visitor) -> None:
    document = payload(take(visitor, "choose", "en", purposes={"analytics": True}, acquire={"language": True}))
    given, refused = document["status"]
    assert (given["type"], given["for"], given["data"]) == ("given", ["_:analytics"], ["language"])
    assert refused["type"] == "refused"
    assert sorted(refused["for"]) == ["_:advertising", "_:development", "_:quality"]
    assert sorted(refused["data"]) == ["browsing", "device", "identifier", "ip", "other", "screen"]
    assert given["duration"] == refused["duration"] == "P180D"


@pytest.mark.parametrize(("action", "state"), [("reject", "refused"), ("withdraw", "withdrawn")])
def test_a_no_is_said_as_the_no_that_it_was(visitor: Visitor, action: str, state: str) -> None:
    take(visitor, "accept", "ja")
    (only,) = payload(take(visitor, action, "ja"))["status"]
    assert only["type"] == state
    assert len(only["for"]) == len(demo_policy().optional_purposes)


def test_an_anonymous_refusal_says_that_there_is_nobody_to_name(visitor: Visitor) -> None:
    document = payload(take(visitor, "reject", "en"))
    assert document["subject"] == {"type": "DataSubject", "applicability": "NotApplicable"}
    assert document["record"]["sub"] is None
    assert faults(document) == ""


def test_s32_a_receipt_says_who_answers_and_how_to_reach_them(visitor: Visitor) -> None:
    document = payload(take(visitor, "accept", "en"))
    assert document["controller"]["officer"] == {"name": "Taro Wakaba, Privacy Officer"}
    assert document["controller"]["contact"] == ["Privacy desk", "privacy@example.jp", "https://www.example.jp/contact"]
    assert document["withdrawal"]["at"][0] == "http://127.0.0.1:8000/preferences/demo"
    assert document["right"]["at"] == "http://127.0.0.1:8000/preferences/demo/request"
    assert document["authority"][0]["url"] == "https://www.ppc.go.jp/"
    assert document["law"] == ["legal-jp:law-APPI"]


@pytest.mark.parametrize(
    ("country", "eu_data", "places", "laws", "authorities"),
    [
        ("JP", True, ["JP", "EU"], ["legal-jp:law-APPI", "legal-eu:law-GDPR"], 2),
        ("DE", True, ["DE"], ["legal-eu:law-GDPR"], 1),
        ("GB", False, ["GB"], [], 1),
        ("BR", False, ["BR"], [], 0),
    ],
)
def test_a_receipt_names_the_law_as_far_as_it_is_known(
    country: str, eu_data: bool, places: list[str], laws: list[str], authorities: int
) -> None:
    controller = replace(demo_policy().controller, country=country)
    policy = demo_policy(controller=controller, eu_data=eu_data)
    document = describe_notice(policy, build_notice(policy, 1, "en"), "https://consent.example.jp")
    assert (document["jurisdiction"], document["law"], len(document["authority"])) == (places, laws, authorities)
    assert set(document["storage"]["location"]) == {country, "JP"}


def test_a_receipt_stays_small(visitor: Visitor) -> None:
    receipt = take(visitor, "accept", "ja")
    assert len(json.dumps(payload(receipt), ensure_ascii=False).encode()) < 4_096
    assert len(receipt) < 5_120

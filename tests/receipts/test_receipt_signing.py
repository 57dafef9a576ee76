"""The same decision, key and policy give the same receipt, whatever happened since."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.policies import demo_policy
from support.service import Bench, Visitor

from cookiegate.ledger.hashing import canonical, leaf_hash
from cookiegate.ledger.receipt_document import describe_choice
from cookiegate.ledger.receipts import ReceiptBook, sign_receipt
from cookiegate.tokens.jws import PublicKeys
from receipts.material import newest, payload, take

KEY = "a-key-that-is-sent-twice"


def sign_again(bench: Bench) -> str:
    service = bench.service
    return sign_receipt(service.keyring.active, service.receipts, newest(bench, "demo"))


def test_a_receipt_is_made_from_its_row_alone(visitor: Visitor, bench: Bench) -> None:
    receipt = take(visitor, "choose", "en", purposes={"quality": True}, acquire={"device": True})
    assert sign_again(bench) == receipt
    restarted = ReceiptBook(bench.service.storage, bench.service.settings.base_url)
    assert sign_receipt(bench.service.keyring.active, restarted, newest(bench, "demo")) == receipt


def test_a_repeated_key_gets_the_same_receipt_after_a_later_version(visitor: Visitor, bench: Bench) -> None:
    notice = visitor.notice("ja")["notice"]
    first = visitor.decide("accept", key=KEY, notice=notice).get_json()["receipt"]
    controller = replace(demo_policy().controller, name={"ja": "別の名前", "en": "Another name"})
    bench.publish(demo_policy(controller=controller))
    again = visitor.decide("accept", key=KEY, notice=notice)
    assert (again.status_code, again.get_json()["receipt"]) == (201, first)
    assert payload(first)["controller"]["name"] == "青葉商店株式会社"
    later = take(bench.visitor(), "accept", "ja")
    assert payload(later)["controller"]["name"] == "別の名前"
    assert payload(later)["notice"]["url"].endswith("/notice/demo?lang=ja&version=2")


def test_a_withdrawal_under_an_older_notice_names_that_one(visitor: Visitor, bench: Bench) -> None:
    old = visitor.notice("en")["notice"]
    take(visitor, "accept", "en")
    bench.publish(demo_policy(ask_again_days=30))
    document = payload(visitor.decide("withdraw", notice=old).get_json()["receipt"])
    assert document["record"]["policy_version"] == 1
    assert document["notice"]["url"].endswith("version=1")
    assert document["status"][0]["duration"] == "P180D"


def test_another_key_signs_the_same_document(visitor: Visitor, bench: Bench) -> None:
    receipt = take(visitor, "accept", "en")
    bench.service.keyring.rotate()
    rotated = sign_again(bench)
    assert rotated.split(".")[1] == receipt.split(".")[1]
    assert rotated != receipt
    assert len(PublicKeys(bench.service.keyring.jwks())) == 2


def test_a_record_of_the_first_version_has_a_receipt_too(visitor: Visitor, bench: Bench) -> None:
    take(visitor, "accept", "en")
    row = newest(bench, "demo")
    facts = {**json.loads(row.record), "v": 1}
    del facts["ui"]
    record = canonical(facts)
    first = msgspec.structs.replace(row, record=record, leaf=leaf_hash(row.salt, record))
    assert json.loads(bench.service.receipts.document(first))["record"] == facts


def test_many_receipts_are_made_from_few_parts(bench: Bench) -> None:
    purposes = [purpose.key for purpose in demo_policy().optional_purposes]
    for number in range(2 ** len(purposes)):
        chosen = {key: bool(number >> place & 1) for place, key in enumerate(purposes)}
        document = payload(take(bench.visitor(), "choose", "en", purposes=chosen, acquire={"language": True}))
        given = [key for state in document["status"] if state["type"] == "given" for key in state["for"]]
        assert sorted(given) == sorted(f"_:{key}" for key, on in chosen.items() if on)


CHOICES = st.dictionaries(st.sampled_from("abcdef"), st.booleans())


@settings(deadline=None)
@given(action=st.sampled_from(["accept", "choose", "reject", "withdraw"]), purposes=CHOICES, acquire=CHOICES)
def test_every_choice_is_in_exactly_one_state(action: str, purposes: dict[str, bool], acquire: dict[str, bool]) -> None:
    if not any(purposes.values()):
        acquire = dict.fromkeys(acquire, False)
    states = describe_choice(action, 180, purposes, acquire)
    assert states == describe_choice(action, 180, purposes, acquire)
    assert sorted(key for state in states for key in state.get("for", [])) == sorted(f"_:{key}" for key in purposes)
    assert sorted(key for state in states for key in state.get("data", [])) == sorted(acquire)
    assert len({state["type"] for state in states}) == len(states) <= 2

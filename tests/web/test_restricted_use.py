"""Restriction of use as a visitor, a page and a gate see it."""

from __future__ import annotations

from typing import Any

from support.service import Bench, Visitor

from cookiegate.consent.ids import hash_handle
from cookiegate.storage.contract import ConsentRow


def row_of(bench: Bench, visitor: Visitor) -> ConsentRow:
    row = bench.service.storage.find_consent("demo", hash_handle(str(visitor.cookie("cg_handle.demo"))))
    assert row is not None
    return row


def restrict(bench: Bench, visitor: Visitor) -> None:
    bench.service.restriction.restrict("demo", row_of(bench, visitor).key_id, by="self")


def consent(visitor: Visitor) -> Any:
    return visitor.send("GET", "/v1/sites/demo/consent").get_json()


def check(visitor: Visitor, token: str) -> int:
    path = "/gate/check?purpose=analytics&site=demo"
    return visitor.send("GET", path, headers={"X-Consent-Token": token}).status_code


def test_s24_no_token_is_given_and_the_old_one_is_denied(bench: Bench, visitor: Visitor) -> None:
    token = visitor.decide("accept").get_json()["token"]
    assert check(visitor, token) == 204
    restrict(bench, visitor)
    assert check(visitor, token) != 204
    answer = visitor.send("POST", "/v1/sites/demo/token")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "consent_restricted")


def test_s24_the_consent_says_so_and_allows_nothing(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    before = consent(visitor)
    restrict(bench, visitor)
    after = consent(visitor)
    assert (before["restricted"], before["state"]) == (False, "granted")
    assert (after["restricted"], after["state"], after["ask"]) == (True, "refused", False)
    always_on = {"security"} & set(after["purposes"])
    assert {key for key, allowed in after["purposes"].items() if allowed} == always_on
    assert not any(after["acquire"].values())
    assert (after["epoch"], after["policy_version"]) == (before["epoch"] + 1, before["policy_version"])


def test_after_lifting_a_fresh_token_counts_and_the_old_one_does_not(bench: Bench, visitor: Visitor) -> None:
    old = visitor.decide("accept").get_json()["token"]
    restrict(bench, visitor)
    bench.service.restriction.lift("demo", row_of(bench, visitor).key_id, by="self")
    fresh = visitor.send("POST", "/v1/sites/demo/token").get_json()["token"]
    assert check(visitor, fresh) == 204
    assert check(visitor, old) != 204


def test_a_new_yes_lifts_it(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    restrict(bench, visitor)
    answer = visitor.decide("accept").get_json()
    assert check(visitor, answer["token"]) == 204
    assert consent(visitor)["restricted"] is False
    assert [row.kind for row in bench.service.storage.entries(kind="restriction_lifted")] == ["restriction_lifted"]


def test_the_preferences_page_says_so_in_both_languages(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    restrict(bench, visitor)
    english = visitor.send("GET", "/preferences/demo?lang=en").text
    japanese = visitor.send("GET", "/preferences/demo?lang=ja").text
    assert "The use of your data is restricted" in english
    assert "情報の利用を制限しています" in japanese


def test_an_erased_key_answers_a_repeated_decision_with_a_conflict(bench: Bench, visitor: Visitor) -> None:
    key = "k" * 24
    visitor.decide("accept", key=key)
    row = row_of(bench, visitor)
    bench.service.erasure.erase(row.key_id, site="demo", by="self")
    answer = visitor.decide("accept", key=key)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_conflict")
    assert consent(visitor)["state"] == "undecided"

"""``POST /v1/sites/<site>/decisions``, told as visitors' stories."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest
from support.policies import demo_policy
from support.service import CRAWLER, Bench, Visitor

OPTIONAL = {"quality", "analytics", "development", "advertising"}


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def problem(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status_code, answer.get_json()["code"]


def test_accepting_grants_everything_that_is_optional(visitor: Visitor) -> None:
    answer = visitor.decide("accept")
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["consent"]["state"] == "granted"
    assert body["consent"]["epoch"] == 1
    assert all(body["consent"]["purposes"].values())
    assert claims(body["token"])["scope"] == "security quality analytics development advertising"
    assert claims(body["token"])["acquire"] == "ip device language screen browsing identifier other"
    assert claims(body["token"])["aud"] == "demo"


def test_choosing_grants_exactly_what_was_chosen(visitor: Visitor) -> None:
    body = visitor.decide("choose", purposes={"analytics": True}, acquire={"language": True}).get_json()
    assert claims(body["token"])["scope"] == "security analytics"
    assert claims(body["token"])["acquire"] == "language"
    assert [key for key, on in body["decision"]["purposes"].items() if on] == ["analytics", "security"]
    assert [key for key, on in body["consent"]["acquire"].items() if on] == ["language"]


def test_a_category_that_no_granted_purpose_uses_is_not_granted(bench: Bench) -> None:
    demo = demo_policy()
    purposes = tuple(
        replace(purpose, acquire=("language",)) if purpose.key == "quality" else purpose for purpose in demo.purposes
    )
    bench.publish(replace(demo, purposes=purposes))
    body = bench.visitor().decide("choose", purposes={"quality": True}, acquire={"language": True, "screen": True})
    assert claims(body.get_json()["token"])["acquire"] == "language"


def test_a_choice_of_nothing_is_a_refusal(visitor: Visitor, bench: Bench) -> None:
    body = visitor.decide("choose", purposes={"analytics": False}, acquire={"language": True}).get_json()
    assert (body["token"], body["consent"]["state"]) == (None, "refused")
    assert visitor.cookie("cg_handle.demo") is None


def test_a_refusal_leaves_no_identifier(visitor: Visitor, bench: Bench) -> None:
    answer = visitor.decide("reject")
    assert answer.status_code == 201
    assert (answer.get_json()["token"], answer.get_json()["consent"]["epoch"]) == (None, 0)
    assert visitor.cookie("cg_choice") == "refused.1.20261118"
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_token") is None
    row = bench.service.storage.decisions("demo")[0]
    assert (row.sub, row.slot) == (None, None)
    assert json.loads(row.record)["sub"] is None


def test_withdrawing_ends_the_token_and_every_identifier_in_the_browser(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    check = {"X-Consent-Token": token}
    assert visitor.send("GET", "/gate/check?purpose=analytics", headers=check).status_code == 204
    body = visitor.decide("withdraw").get_json()
    assert (body["consent"]["state"], body["consent"]["epoch"], body["token"]) == ("refused", 2, None)
    denied = visitor.send("GET", "/gate/check?purpose=analytics", headers=check)
    assert (denied.status_code, denied.headers["X-Consent-Reason"]) == (403, "withdrawn")
    assert visitor.cookie("cg_handle.demo") is None
    assert visitor.cookie("cg_token") is None


def test_an_old_token_is_never_revived_by_a_later_yes(visitor: Visitor) -> None:
    first = visitor.decide("accept").get_json()["token"]
    visitor.decide("withdraw")
    second = visitor.decide("accept").get_json()["token"]
    assert claims(first)["sub"] != claims(second)["sub"]
    old = visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": first})
    new = visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": second})
    assert (old.status_code, new.status_code) == (403, 204)


def test_a_changed_choice_raises_the_epoch_and_ends_the_wider_token(visitor: Visitor) -> None:
    first = visitor.decide("accept").get_json()["token"]
    body = visitor.decide("choose", purposes={"analytics": True}, acquire={"device": True}).get_json()
    assert body["consent"]["epoch"] == 2
    assert claims(body["token"])["sub"] == claims(first)["sub"]
    old = visitor.send("GET", "/gate/check?purpose=advertising", headers={"X-Consent-Token": first})
    assert old.status_code == 403


def test_the_same_key_and_body_get_the_same_answer(visitor: Visitor, bench: Bench) -> None:
    first = visitor.decide("accept", key="k" * 20)
    bench.clock.advance(30)
    again = bench.visitor().decide("accept", key="k" * 20)  # the first answer never arrived: no cookies
    assert again.status_code == 201
    assert again.data == first.data
    assert again.headers.getlist("Set-Cookie")[1] == first.headers.getlist("Set-Cookie")[1]  # the handle
    assert bench.count == 1


def test_the_order_of_keys_in_a_body_is_not_another_body(visitor: Visitor, bench: Bench) -> None:
    notice = visitor.notice()["notice"]
    one = {"notice": notice, "action": "choose", "purposes": {"analytics": True, "quality": False}}
    other = {"purposes": {"quality": False, "analytics": True}, "action": "choose", "notice": notice}
    first = visitor.post(json.dumps(one).encode(), key="k" * 20)
    assert visitor.post(json.dumps(other).encode(), key="k" * 20).data == first.data
    assert bench.count == 1


def test_the_same_key_and_another_body_is_a_conflict(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept", key="k" * 20)
    assert problem(visitor.decide("reject", key="k" * 20)) == (409, "idempotency_conflict")
    assert bench.count == 1


def test_a_hundred_submissions_at_once_are_one_decision(bench: Bench) -> None:
    notice = bench.visitor().notice()["notice"]
    start = threading.Barrier(20)

    def submit(_: int) -> list[bytes]:
        mine = bench.visitor()
        start.wait()
        return [mine.decide("accept", key="k" * 20, notice=notice).data for _ in range(5)]

    with ThreadPoolExecutor(20) as pool:
        answers = {body for bodies in pool.map(submit, range(20)) for body in bodies}
    assert len(answers) == 1
    assert bench.count == 1


def test_a_grant_from_an_outdated_page_is_refused(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept", epoch=0)
    answer = visitor.decide("accept", epoch=0)
    assert problem(answer) == (409, "epoch_stale")
    assert answer.get_json()["epoch"] == 1
    assert bench.count == 1


@pytest.mark.parametrize("action", ["withdraw", "reject"])
def test_saying_no_wins_from_any_page_however_old(visitor: Visitor, action: str) -> None:
    visitor.decide("accept", epoch=0)
    visitor.decide("accept", epoch=1)
    answer = visitor.decide(action, epoch=0)
    assert (answer.status_code, answer.get_json()["consent"]["state"]) == (201, "refused")


def test_a_yes_that_raced_a_withdrawal_in_another_tab_loses(visitor: Visitor) -> None:
    visitor.decide("accept", epoch=0)
    visitor.decide("withdraw", epoch=1)
    assert problem(visitor.decide("accept", epoch=1)) == (409, "epoch_stale")


def test_a_receipt_proves_the_record(visitor: Visitor, bench: Bench) -> None:
    receipt = visitor.decide("accept").get_json()["receipt"]
    keys = jwt.PyJWKSet.from_dict(visitor.send("GET", "/.well-known/jwks.json").get_json())
    assert jwt.get_unverified_header(receipt)["typ"] == "consent-receipt+jwt"
    proof = jwt.decode(receipt, keys.keys[0], algorithms=["ES256"])
    row = bench.service.storage.decisions("demo")[0]
    assert proof["jti"] == row.id
    salt = base64.urlsafe_b64decode(proof["salt"] + "==")
    commitment = hashlib.sha256(salt + row.record).digest()
    assert proof["leaf"] == hashlib.sha256(b"\x00" + commitment).hexdigest() == row.leaf.hex()
    assert proof["record"] == json.loads(row.record)


def test_a_record_holds_device_facts_and_not_the_header(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept")
    record = json.loads(bench.service.storage.decisions("demo")[0].record)
    assert record["device"] == {"browser": "Chrome", "browser_major": "156", "os": "Linux", "kind": "desktop"}
    assert b"Mozilla" not in bench.service.storage.decisions("demo")[0].record


def test_s03_the_record_names_the_notice_and_version_that_was_shown(visitor: Visitor, bench: Bench) -> None:
    notice = visitor.notice("ja")
    visitor.decide("accept", notice=notice["notice"])
    record = json.loads(bench.service.storage.decisions("demo")[0].record)
    assert (record["notice"], record["policy_version"]) == (notice["notice"], 1)
    stored = bench.service.storage.policies.notices("demo", 1)
    assert notice["notice"] in {row.sha256 for row in stored}


@pytest.mark.parametrize("body", [{"analytics": True, "nope": True}, {"a": False}])
def test_s04_a_purpose_that_the_notice_did_not_name_is_refused(
    visitor: Visitor, bench: Bench, body: dict[str, bool]
) -> None:
    answer = visitor.decide("choose", purposes=body)
    assert problem(answer) == (422, "input_invalid")
    assert any(field.startswith("purposes.") for field in answer.get_json()["errors"])
    assert bench.count == 0


def test_s05_a_widened_policy_asks_again_and_a_typo_does_not(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("choose", purposes={"quality": True}, acquire={"device": True})
    demo = demo_policy()
    fixed = tuple(
        replace(purpose, title={**purpose.title, "en": purpose.title["en"] + "."}) for purpose in demo.purposes
    )
    bench.publish(replace(demo, purposes=fixed))
    kept = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (kept["ask"], kept["policy_version"], kept["current_policy_version"]) == (False, 1, 2)
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 200
    widened = tuple(
        replace(purpose, acquire=(*purpose.acquire, "other")) if purpose.key == "quality" else purpose
        for purpose in fixed
    )
    assert widened != fixed
    bench.publish(replace(demo, purposes=widened))
    asked = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (asked["ask"], asked["ask_reason"]) == (True, "policy_changed")
    assert not asked["purposes"]["quality"]
    assert problem(visitor.send("POST", "/v1/sites/demo/token")) == (404, "consent_missing")


def test_a_token_under_an_outdated_policy_is_denied_at_once(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    demo = demo_policy()
    key = next(iter(demo.recipients))
    recipients = {**demo.recipients, "new": replace(demo.recipients[key], key="new")}
    purposes = tuple(
        replace(purpose, recipients=(*purpose.recipients, "new")) if purpose.key == "analytics" else purpose
        for purpose in demo.purposes
    )
    bench.publish(replace(demo, recipients=recipients, purposes=purposes))
    denied = visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
    assert (denied.status_code, denied.headers["X-Consent-Reason"]) == (403, "policy_outdated")


def test_a_consent_expires_and_is_asked_again(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept")
    bench.clock.advance(180 * 86_400)
    consent = visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (consent["ask"], consent["ask_reason"]) == (True, "expired")
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 404


def test_a_decision_under_an_older_notice_is_stale(visitor: Visitor, bench: Bench) -> None:
    old = visitor.notice()["notice"]
    bench.publish(demo_policy(ask_again_days=90))
    answer = visitor.decide("accept", notice=old)
    assert problem(answer) == (409, "notice_stale")
    assert answer.get_json()["current_policy_version"] == 2
    assert bench.count == 0


def test_withdrawing_works_from_a_page_with_an_older_notice(visitor: Visitor, bench: Bench) -> None:
    old = visitor.notice()["notice"]
    visitor.decide("accept")
    bench.publish(demo_policy(ask_again_days=90))
    answer = visitor.decide("withdraw", notice=old)
    assert (answer.status_code, answer.get_json()["decision"]["policy_version"]) == (201, 1)


@pytest.mark.parametrize("action", ["accept", "reject", "withdraw"])
def test_a_notice_that_nobody_published_is_stale(visitor: Visitor, bench: Bench, action: str) -> None:
    assert problem(visitor.decide(action, notice="0" * 64)) == (409, "notice_stale")
    assert bench.count == 0


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://shop.test.evil.example",
        "http://shop.test:81",
        "https://shop.test",
        "http://SHOP.test",
        "http://evil-shop.test",
        "",
    ],
)
def test_another_origin_cannot_decide_or_read(bench: Bench, origin: str) -> None:
    stranger = bench.visitor(headers={"Origin": origin}, origin=None)
    answer = stranger.decide("accept")
    assert problem(answer) == (403, "origin_denied")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert bench.count == 0


def test_a_listed_origin_may_read_the_answer_with_its_cookies(visitor: Visitor) -> None:
    answer = visitor.decide("accept")
    assert answer.headers["Access-Control-Allow-Origin"] == "http://shop.test"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]


def test_a_preflight_allows_only_a_listed_origin(bench: Bench) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}
    ours = bench.visitor().send("OPTIONS", "/v1/sites/demo/decisions", headers=asked)
    theirs = bench.visitor(origin="http://evil.test").send("OPTIONS", "/v1/sites/demo/decisions", headers=asked)
    assert "Idempotency-Key" in ours.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in theirs.headers


def test_a_robot_gets_no_banner_and_no_decision(bench: Bench) -> None:
    robot = bench.visitor(agent=CRAWLER)
    assert problem(robot.decide("accept")) == (403, "bot_denied")
    script = robot.send("GET", "/w/demo.js")
    assert b"dialog" not in script.data
    assert script.headers["Cache-Control"] == "no-store"
    assert bench.count == 0


def test_a_site_without_a_policy_is_unknown(bench: Bench) -> None:
    stranger = bench.visitor(site="other")
    assert problem(stranger.decide("accept", notice="0" * 64)) == (404, "site_unknown")


def test_a_handle_of_another_site_opens_nothing(bench: Bench) -> None:
    bench.publish(demo_policy(site="other"))
    visitor = bench.visitor()
    visitor.decide("accept")
    visitor.site = "other"
    assert visitor.send("GET", "/v1/sites/other/consent").get_json()["state"] == "undecided"
    assert visitor.send("POST", "/v1/sites/other/token").status_code == 404


def test_a_forged_or_planted_handle_opens_nothing(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    thief = bench.visitor()
    for value in ("A" * 22, "' OR 1=1 --", "../../etc", "\u202e"):
        thief.client.set_cookie("cg_handle.demo", value)
        assert thief.send("POST", "/v1/sites/demo/token").status_code == 404


def test_the_handle_is_stored_nowhere(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    handle = visitor.cookie("cg_handle.demo")
    assert handle is not None
    for path in bench.folder.rglob("*"):
        if path.is_file():
            assert handle.encode() not in path.read_bytes()


def test_only_optional_purposes_are_ever_refused(visitor: Visitor) -> None:
    purposes = visitor.decide("reject").get_json()["consent"]["purposes"]
    assert {key for key, on in purposes.items() if not on} == OPTIONAL

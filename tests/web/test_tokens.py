"""Refreshing tokens, and the keys and lists that let others check them."""

from __future__ import annotations

import jwt
from support.policies import demo_policy
from support.service import Bench, Visitor


def test_a_refresh_keeps_the_subject_and_the_epoch(visitor: Visitor, bench: Bench) -> None:
    first = visitor.decide("accept").get_json()["token"]
    bench.clock.advance(600)
    answer = visitor.send("POST", "/v1/sites/demo/token")
    assert answer.status_code == 200
    old, new = (jwt.decode(text, options={"verify_signature": False}) for text in (first, answer.get_json()["token"]))
    assert (old["sub"], old["ep"]) == (new["sub"], new["ep"])
    assert new["iat"] - old["iat"] == 600
    assert new["exp"] - new["iat"] == 900
    assert visitor.cookie("cg_token") == answer.get_json()["token"]


def test_a_purpose_that_left_the_policy_leaves_the_next_token(visitor: Visitor, bench: Bench) -> None:
    visitor.decide("accept")
    demo = demo_policy()
    bench.publish(demo_policy(purposes=tuple(item for item in demo.purposes if item.key != "advertising")))
    token = visitor.send("POST", "/v1/sites/demo/token").get_json()["token"]
    assert "advertising" not in jwt.decode(token, options={"verify_signature": False})["scope"]


def test_who_refused_has_no_token_to_refresh(visitor: Visitor) -> None:
    visitor.decide("reject")
    assert visitor.send("POST", "/v1/sites/demo/token").get_json()["code"] == "consent_missing"


def test_a_stranger_origin_cannot_refresh(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    visitor.origin = "http://evil.test"
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 403


def test_the_key_set_has_no_private_members(visitor: Visitor) -> None:
    keys = visitor.send("GET", "/.well-known/jwks.json").get_json()["keys"]
    assert len(keys) == 1
    assert not {"d", "p", "q"} & set(keys[0])


def test_a_disabled_key_ends_its_tokens(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    check = {"headers": {"X-Consent-Token": token}}
    ring = bench.service.keyring
    old = ring.active.kid
    ring.rotate()
    assert visitor.send("GET", "/gate/check?purpose=analytics", **check).status_code == 204
    ring.disable(old, now=True)
    assert visitor.send("GET", "/gate/check?purpose=analytics", **check).status_code == 401


def test_a_withdrawal_shows_in_the_signed_list(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    place = jwt.decode(token, options={"verify_signature": False})["status"]["status_list"]
    assert place["uri"].endswith("/status/1")
    before = visitor.send("GET", "/status/1")
    assert before.content_type == "application/statuslist+jwt"
    visitor.decide("withdraw")
    assert visitor.send("GET", "/status/1").data != before.data


def test_a_withdrawal_in_another_process_is_followed(visitor: Visitor, bench: Bench) -> None:
    token = visitor.decide("accept").get_json()["token"]
    row = bench.service.decider.find("demo", visitor.cookie("cg_handle.demo"))
    assert row is not None
    assert row.slot is not None
    slot, sub = row.slot, row.sub
    bench.service.storage.write(lambda tx: tx.revoke(slot, "demo", sub, 2, bench.clock.now_ms()))
    bench.service.follow()
    denied = visitor.send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
    assert denied.headers["X-Consent-Reason"] == "withdrawn"


def test_withdrawals_are_known_again_after_a_new_start(visitor: Visitor, bench: Bench) -> None:
    from support.service import Bench as NewBench

    from cookiegate.web.service import open_service

    token = visitor.decide("accept").get_json()["token"]
    visitor.decide("withdraw")
    again = NewBench(open_service(bench.service.settings, bench.clock), bench.clock, bench.folder)
    denied = again.visitor().send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": token})
    assert denied.headers["X-Consent-Reason"] == "withdrawn"
    again.service.close()


def test_the_gpc_statement_is_what_we_do(visitor: Visitor) -> None:
    statement = visitor.send("GET", "/.well-known/gpc.json").get_json()
    assert statement["gpc"] is True
    assert statement["lastUpdate"] == "2026-11-18"

"""What lies on disk says nothing about a person without their key."""

from __future__ import annotations

from support import engines
from support.service import Bench

from cookiegate.consent.ids import hash_handle


def test_s34_neither_database_nor_log_holds_a_choice_in_clear(bench: Bench) -> None:
    visitor = bench.visitor()
    answer = visitor.decide("choose", purposes={"analytics": True}, acquire={"device": True}).get_json()
    refused = bench.visitor().decide("reject").get_json()
    row = bench.service.storage.decision(answer["decision"]["id"])
    assert row is not None
    assert row.sub is not None
    stored = engines.stored(bench.folder)
    for secret in (row.record[:40], row.sub.encode(), row.salt, b'"action"', b"Chrome"):
        assert secret not in stored
    for shown in (answer, refused):
        assert shown["decision"]["id"].encode() in stored  # ids, times and hashes are what remains readable


def test_a_holder_s_consent_is_found_all_the_same(bench: Bench) -> None:
    visitor = bench.visitor()
    visitor.decide("accept")
    handle = visitor.cookie("cg_handle.demo")
    assert handle is not None
    consent = bench.service.storage.find_consent("demo", hash_handle(handle))
    assert consent is not None
    assert consent.is_granted
    assert len(bench.service.storage.decisions_of_key(consent.key_id)) == 1


def test_each_refusal_has_a_key_of_its_own(bench: Bench) -> None:
    for _ in range(3):
        bench.visitor().decide("reject")
    keys = {row.key_id for row in bench.service.storage.decisions("demo")}
    assert len(keys) == 3


def test_one_visitor_s_decisions_share_a_key_until_they_withdraw(bench: Bench) -> None:
    visitor = bench.visitor()
    for action in ("accept", "reject", "accept"):
        visitor.decide(action)
        bench.clock.advance(1)
    first, second, third = (row.key_id for row in bench.service.storage.decisions("demo"))
    assert first == second != third

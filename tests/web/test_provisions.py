"""What goes to a third party is recorded first, found again for the person, and gone when its time is over."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support import engines
from support.policies import demo_policy
from support.service import Bench, Visitor

from cookiegate.errors import RecordDamagedError
from cookiegate.policy.document import Collector, Policy, Recipient
from cookiegate.rights.provision.provisions import DAY_MS, Provision, Provisions
from cookiegate.storage.tables_provisions import provisions

CHECK = "/gate/check?purpose=advertising&recipient=ad_network"
EVENT = {"n": "pageview", "u": "http://shop.test/tea", "d": "shop.test", "r": None}


def token_of(visitor: Visitor, *purposes: str) -> str:
    chosen = dict.fromkeys(purposes or ("advertising",), True)
    return str(visitor.decide("choose", purposes=chosen, acquire={"browsing": True}).get_json()["token"])


def ask(visitor: Visitor, path: str, token: str) -> Any:
    return visitor.send("GET", path, headers={"X-Consent-Token": token})


def kept(bench: Bench) -> list[Any]:
    return bench.service.storage.read(sa.select(provisions))


def of(bench: Bench, sub: str) -> list[Provision]:
    return bench.service.provisions.of("demo", sub)


def selling(**changes: Any) -> Policy:
    """The demo, whose Plausible events go to the advertising network."""
    demo = demo_policy(**changes)
    plausible = Collector("plausible", "advertising", recipient="ad_network")
    return replace(demo, collectors={**demo.collectors, "plausible": plausible})


def test_a_check_for_a_third_party_is_recorded_before_it_is_answered(bench: Bench, visitor: Visitor) -> None:
    answer = ask(visitor, CHECK, token_of(visitor))
    assert (answer.status_code, answer.headers["X-Consent-Acquire"]) == (204, "browsing")
    (record,) = of(bench, answer.headers["X-Consent-Subject"])
    assert record.recipient == "ad_network"
    assert record.recipient_name["en"] == "Aoba Ads, Inc. (advertising)"
    assert (record.purpose, record.items, record.ground) == ("advertising", ("browsing",), "consent")
    assert (record.policy_version, record.epoch, record.country, record.transfer) == (1, 1, "JP", None)
    assert record.provided_at == bench.service.now_text()


def test_a_day_of_events_is_one_record_and_the_next_day_another(bench: Bench, visitor: Visitor) -> None:
    token = token_of(visitor)
    for _ in range(5):
        assert ask(visitor, CHECK, token).status_code == 204
    assert len(kept(bench)) == 1
    bench.clock.advance(86_400)
    renewed = visitor.send("POST", "/v1/sites/demo/token").get_json()["token"]
    assert ask(visitor, CHECK, renewed).status_code == 204
    assert len(kept(bench)) == 2


def test_another_grant_on_the_same_day_is_a_record_of_its_own(bench: Bench, visitor: Visitor) -> None:
    first = ask(visitor, CHECK, token_of(visitor)).headers["X-Consent-Subject"]
    bench.clock.advance(1)
    body = {"purposes": {"advertising": True}, "acquire": {"browsing": True, "identifier": True}}
    token = visitor.decide("choose", **body).get_json()["token"]
    ask(visitor, CHECK, token)
    assert [record.items for record in of(bench, first)] == [("browsing",), ("browsing", "identifier")]


def test_many_threads_and_processes_write_one_record(bench: Bench, visitor: Visitor) -> None:
    service, token = bench.service, token_of(visitor)
    gate = service.doors.gate("demo", "plain", "advertising", "ad_network")
    claims = gate.check(token).claims
    assert claims is not None
    assert gate.providing is not None
    others = [Provisions(service.storage, service.keyring.secret("provision"), bench.clock) for _ in range(8)]
    notes = [threading.Thread(target=other.note, args=(gate.providing, claims, ("browsing",))) for other in others]
    for note in notes:
        note.start()
    for note in notes:
        note.join()
    assert len(kept(bench)) == 1


def test_nothing_is_recorded_of_trustees_refusals_and_plain_checks(bench: Bench, visitor: Visitor) -> None:
    token = token_of(visitor, "analytics")
    assert ask(visitor, "/gate/check?purpose=analytics&recipient=hosting", token).status_code == 204
    assert ask(visitor, "/gate/check?purpose=analytics", token).status_code == 204
    refused = ask(visitor, CHECK, token)
    assert (refused.status_code, refused.headers["X-Consent-Reason"]) == (403, "purpose_not_granted")
    assert kept(bench) == []


def test_s12_the_gate_refuses_a_recipient_that_the_purpose_does_not_name(bench: Bench, visitor: Visitor) -> None:
    token = token_of(visitor, "analytics", "advertising")
    answer = ask(visitor, "/gate/check?purpose=analytics&recipient=ad_network", token)
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (403, "recipient_not_covered")
    assert answer.get_json()["code"] == "purpose_refused"
    stripped = visitor.send("POST", "/gate/strip/plain?purpose=analytics&recipient=ad_network",
                            json={"event": "x"}, headers={"X-Consent-Token": token})  # fmt: skip
    assert (stripped.status_code, stripped.headers["X-Consent-Reason"]) == (403, "recipient_not_covered")
    unknown = ask(visitor, "/gate/check?purpose=analytics&recipient=nobody", token)
    assert (unknown.status_code, unknown.get_json()["errors"]) == (422, {"recipient": ["unknown"]})
    assert kept(bench) == []


def test_a_settled_check_never_answers_for_one_that_names_a_recipient(bench: Bench, visitor: Visitor) -> None:
    token = token_of(visitor)
    for _ in range(3):
        assert ask(visitor, "/gate/check?purpose=advertising", token).status_code == 204
    assert kept(bench) == []
    for _ in range(3):
        assert ask(visitor, CHECK, token).status_code == 204
        assert len(kept(bench)) == 1


def test_a_strip_for_a_third_party_records_every_visitor_of_a_batch(bench: Bench) -> None:
    tokens = [token_of(bench.visitor()) for _ in range(2)]
    events = [{"event": "a", "page": "/", "consent_token": token} for token in (*tokens, tokens[0])]
    answer = bench.visitor().send("POST", "/gate/strip/plain?purpose=advertising&recipient=ad_network", json=events)
    assert answer.status_code == 200
    assert len(answer.get_json()) == 3
    assert len(kept(bench)) == 2


def test_what_a_collector_takes_for_a_third_party_is_recorded(bench: Bench, visitor: Visitor) -> None:
    bench.publish(selling())
    sub = ask(visitor, "/gate/check?purpose=advertising", token_of(visitor)).headers["X-Consent-Subject"]
    body, headers = json.dumps(EVENT), {"Content-Type": "text/plain"}
    answer = visitor.send("POST", "/collect/plausible/api/event", data=body, headers=headers)
    assert answer.status_code == 202
    assert [record.items for record in of(bench, sub)] == [("browsing",)]
    assert (bench.folder / "collected" / "demo" / "plausible.jsonl").exists()


@pytest.mark.parametrize("door", ["check", "strip", "collect"])
def test_what_cannot_be_recorded_does_not_go(bench: Bench, visitor: Visitor, door: str) -> None:
    bench.publish(selling())
    token = token_of(visitor)

    def send() -> Any:
        if door == "check":
            return ask(visitor, CHECK, token)
        if door == "strip":
            path, event = "/gate/strip/plain?purpose=advertising&recipient=ad_network", {"event": "secret"}
            return visitor.send("POST", path, json=event, headers={"X-Consent-Token": token})
        text = {"Content-Type": "text/plain"}
        return visitor.send("POST", "/collect/plausible/api/event", data=json.dumps(EVENT), headers=text)

    with engines.refusing(bench.folder, "provisions"):
        answer = send()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_unavailable")
    assert b"secret" not in answer.data
    assert not (bench.folder / "collected" / "demo" / "plausible.jsonl").exists()
    assert send().status_code in (200, 202, 204)  # the failure was not remembered as a success
    assert len(kept(bench)) == 1


def test_s12_provision_under_an_exception_of_the_policy_is_logged_with_its_code(bench: Bench, visitor: Visitor) -> None:
    demo = demo_policy()
    police = Recipient("police", {"ja": "警察", "en": "Police"}, "third_party", "JP", exception="law")
    security = replace(demo.purposes[0], recipients=("hosting", "police"))
    bench.publish(replace(demo, recipients={**demo.recipients, "police": police},
                          purposes=(security, *demo.purposes[1:])))  # fmt: skip
    answer = ask(visitor, "/gate/check?purpose=security&recipient=police", token_of(visitor))
    assert answer.status_code == 204
    sub = answer.headers["X-Consent-Subject"]
    assert [record.ground for record in of(bench, sub)] == ["law"]
    (entry,) = bench.service.storage.entries(kind="exception")
    told = json.loads(entry.record)
    assert (told["exception"], told["article"], told["recipient"]) == ("law", "APPI 27(1)(i)", "police")
    assert sub not in entry.record.decode()


def test_records_outlive_erasure_and_say_nothing_to_whoever_has_the_table_alone(bench: Bench, visitor: Visitor) -> None:
    sub = ask(visitor, CHECK, token_of(visitor)).headers["X-Consent-Subject"]
    storage = bench.service.storage
    decision = storage.decisions("demo")[-1]
    storage.write(lambda transaction: transaction.erase_key(decision.key_id))
    storage.shred()
    assert len(of(bench, sub)) == 1
    stored = b"".join(value for row in kept(bench) for value in row.values() if isinstance(value, bytes))
    assert sub.encode() not in stored
    assert b"advertising" not in stored
    assert of(bench, "x" * 22) == []
    assert bench.service.provisions.of("other", sub) == []


def test_s17_records_are_due_after_the_policy_s_period_and_gone_for_good_once_disposed_of(
    bench: Bench, visitor: Visitor
) -> None:
    sub = ask(visitor, CHECK, token_of(visitor)).headers["X-Consent-Subject"]
    service, (row,) = bench.service, kept(bench)
    end_ms = row["provided_at_ms"] + 1_095 * DAY_MS
    assert service.provisions.due(end_ms) == []
    (due,) = service.provisions.due(end_ms + 1)
    assert (due.id, due.site, due.person) == (row["id"], "demo", service.provisions.person("demo", sub))
    keys = service.storage.write(lambda transaction: service.provisions.dispose(transaction, [due.id]))
    service.storage.shred()
    assert keys == [row["key_id"]]
    assert not service.storage.vault.holds(row["key_id"])
    assert of(bench, sub) == kept(bench) == []


def test_a_longer_period_in_the_policy_keeps_records_longer(bench: Bench, visitor: Visitor) -> None:
    ask(visitor, CHECK, token_of(visitor))
    demo = demo_policy()
    bench.publish(replace(demo, retention=replace(demo.retention, provision_days=2_000)))
    at_ms = kept(bench)[0]["provided_at_ms"]
    assert bench.service.provisions.due(at_ms + 1_500 * DAY_MS) == []
    assert len(bench.service.provisions.due(at_ms + 2_001 * DAY_MS)) == 1


def test_a_changed_record_is_noticed(bench: Bench, visitor: Visitor) -> None:
    sub = ask(visitor, CHECK, token_of(visitor)).headers["X-Consent-Subject"]
    sealed = kept(bench)[0]["sealed"]
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    bench.service.storage.write(lambda t: t.execute(sa.update(provisions).values(sealed=broken)))
    with pytest.raises(RecordDamagedError, match="was changed"):
        of(bench, sub)

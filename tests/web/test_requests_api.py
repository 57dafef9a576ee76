"""``/v1/sites/<site>/requests``: asking by JSON, and being served at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import engines
from support.asking import Asker, waiting_mails
from support.policies import demo_policy
from support.service import Bench, make_bench

from cookiegate.errors import RecordDamagedError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.rights.holds import Holds
from cookiegate.rights.requests.codes import REFERENCE
from cookiegate.rights.requests.intake import Application
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.storage import tables_requests
from cookiegate.storage.tables import answers
from cookiegate.web.service import open_service

DAY_S = 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service, where anyone may ask as often as they like."""
    limits = {f"RATE_LIMIT_{name}": "100000/minute" for name in ("WRITES", "TOKENS", "REQUESTS")}
    bench = make_bench(tmp_path, **limits)
    yield bench
    bench.service.close()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    """Someone unknown."""
    return Asker(bench, bench.visitor())


@pytest.fixture
def known(bench: Bench) -> Asker:
    """Someone whose browser holds the handle of a consent."""
    asker = Asker(bench, bench.visitor())
    assert asker.visitor.decide("accept").status_code == 201
    return asker


def entries(bench: Bench, kind: str = "request") -> list[dict[str, Any]]:
    return [json.loads(row.record) for row in bench.service.storage.entries(kind=kind)]


def test_a_request_is_received_with_a_reference_a_code_and_a_time_to_answer(asker: Asker) -> None:
    answer = asker.ask("disclosure", residence="jp", contact={"email": "mori@example.org"})
    told = answer.get_json()
    assert answer.status_code == 201
    assert REFERENCE.fullmatch(told["reference"])
    assert (told["state"], told["next_step"]) == ("received", "confirm_address")
    assert told["due_at"] == "2026-12-02T15:00:00.000Z"  # two weeks, to the end of the day in Japan
    assert [line["step"] for line in told["history"]] == ["received"]


def test_the_status_needs_the_code_and_says_nothing_about_the_person(asker: Asker) -> None:
    asker.by_mail("complaint", message="You wrote to my neighbour 花子.")
    told = asker.look()
    assert told.status_code == 200
    assert "code" not in told.get_json()
    for secret in ("mori", "森", "花子", asker.code):
        assert secret not in told.get_data(as_text=True)
    assert asker.look(asker.code.lower().replace("-", " ")).status_code == 200


@pytest.mark.parametrize("code", ["", "0000-0000-0000-0000-0000", "x" * 5000])
def test_a_wrong_code_and_an_unknown_reference_look_the_same(asker: Asker, code: str) -> None:
    asker.by_mail()
    wrong = asker.look(code)
    asker.reference = "R-0000-0000"
    unknown = asker.look(code)
    assert wrong.status_code == unknown.status_code == 404
    assert wrong.get_json() == unknown.get_json()


def test_a_request_is_not_seen_through_another_site(bench: Bench, asker: Asker) -> None:
    bench.publish(demo_policy(site="other"))
    asker.by_mail()
    asker.visitor.site = "other"
    assert asker.look().status_code == 404


def test_the_same_submission_is_one_request_with_the_same_code(bench: Bench, asker: Asker) -> None:
    first = asker.ask("disclosure", key="k" * 20, contact={"email": "mori@example.org"})
    again = asker.ask("disclosure", key="k" * 20, contact={"email": "mori@example.org"})
    assert first.get_json() == again.get_json()
    assert len(bench.service.requests.casebook.files()) == 1
    assert waiting_mails(bench) == 1
    other = asker.ask("deletion", key="k" * 20, contact={"email": "mori@example.org"})
    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency_conflict")
    assert asker.ask("disclosure", key="short").get_json()["code"] == "idempotency_key_invalid"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "revenge"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": "correction"}, "message"),
        ({"kind": "complaint", "message": " \n "}, "message"),
        ({"kind": "disclosure", "message": "x" * 4001}, "message"),
        ({"kind": "disclosure", "message": "\ud800"}, "message"),
        ({"kind": "disclosure", "message": "a\x00b"}, "message"),
        ({"kind": "disclosure", "contact": {"email": "mori"}}, "contact.email"),
        ({"kind": "disclosure", "contact": {"email": "m@example.org\nBcc: all@example.org"}}, "contact.email"),
        ({"kind": "disclosure", "contact": {"email": "m@example.org, all@example.org"}}, "contact.email"),
        ({"kind": "disclosure", "contact": {"name": "a\nb"}}, "contact.name"),
        ({"kind": "disclosure", "contact": {"name": "x" * 201}}, "contact.name"),
        ({"kind": "disclosure", "contact": {"phone": "1"}}, "contact.phone"),
        ({"kind": "disclosure", "residence": "mars"}, "residence"),
        ({"kind": "disclosure", "agent": {"name": "A"}}, "agent.authority"),
        ({"kind": "disclosure", "agent": "A"}, "agent._schema"),
        ({"kind": "disclosure", "receipt": "not a receipt"}, "receipt"),
        ({"kind": "disclosure", "verified": True}, "verified"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(bench: Bench, asker: Asker, body: dict[str, Any], field: str) -> None:
    answer = asker.visitor.send(
        "POST",
        "/v1/sites/demo/requests",
        data=json.dumps(body),
        headers={"Content-Type": "application/json", "Idempotency-Key": "k" * 20},
    )
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]
    assert bench.service.requests.casebook.files() == []


def test_an_endless_receipt_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, BODY_LIMIT_BYTES="1000000")
    answer = Asker(bench, bench.visitor()).ask("disclosure", receipt="x" * (RECEIPT_LIMIT_CHARS + 1))
    assert list(answer.get_json()["errors"]) == ["receipt"]
    bench.service.close()


def test_only_the_site_s_own_pages_may_ask_for_a_visitor(bench: Bench) -> None:
    stranger = Asker(bench, bench.visitor(origin="https://evil.example"))
    assert stranger.ask().status_code == 403
    preflight = bench.visitor().send(
        "OPTIONS", "/v1/sites/demo/requests/R-0000-0000", headers={"Access-Control-Request-Method": "GET"}
    )
    assert "X-Request-Code" in preflight.headers["Access-Control-Allow-Headers"]


def test_requests_have_a_limit_of_their_own(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_REQUESTS="2/hour")
    asker = Asker(bench, bench.visitor())
    assert [asker.ask().status_code for _ in range(3)] == [201, 201, 429]
    assert asker.visitor.decide("accept").status_code == 201
    assert asker.look().status_code == 200
    assert asker.look().headers["RateLimit-Policy"].startswith('"tokens"')
    bench.service.close()


@pytest.mark.parametrize("kind", ["disclosure", "portability", "purpose_notice"])
def test_s19_who_holds_the_handle_is_served_at_once(known: Asker, kind: str) -> None:
    told = known.ask(kind).get_json()
    assert (told["state"], told["outcome"], told["next_step"]) == ("carried_out", "granted", "see_result")
    assert [line["step"] for line in told["history"]] == ["received", "verify", "take_up", "decide", "act", "carry_out"]


def test_s19_the_data_comes_in_a_portable_format(known: Asker) -> None:
    decision = known.visitor.decide("choose", purposes={"analytics": True}, acquire={"language": True}).get_json()
    known.ask("portability")
    assert known.press("show").status_code == 200
    document = known.press("json")
    assert document.mimetype == "application/json"
    assert known.reference not in document.text
    assert decision["decision"]["id"] in [item["id"] for item in json.loads(document.text)["decisions"]]
    table = known.press("csv")
    assert table.mimetype == "text/csv"
    assert decision["decision"]["id"] in table.text


def test_s19_nothing_is_handed_out_that_was_not_granted(asker: Asker, known: Asker) -> None:
    asker.by_mail("disclosure")
    known.ask("restriction")
    for someone in (asker, known):
        assert someone.press("json").status_code == 404


def test_s19_a_receipt_proves_as_much_as_the_handle(bench: Bench, asker: Asker) -> None:
    receipt = bench.visitor().decide("accept").get_json()["receipt"]
    told = asker.ask("disclosure", receipt=receipt).get_json()
    assert told["outcome"] == "granted"
    assert asker.file.case.verified_by == "possession"
    assert '"accept"' in asker.press("json").text


def test_s26_a_receipt_of_another_site_or_a_changed_one_proves_nothing(bench: Bench, asker: Asker) -> None:
    receipt = bench.visitor().decide("accept").get_json()["receipt"]
    assert asker.ask("deletion", receipt=receipt[:-4] + "AAAA").status_code == 422
    bench.publish(demo_policy(site="other"))
    asker.visitor.site = "other"
    assert list(asker.ask("deletion", receipt=receipt).get_json()["errors"]) == ["receipt"]
    assert bench.service.storage.entries(kind="erasure") == []


def test_s26_an_agent_is_checked_even_with_the_handle(known: Asker) -> None:
    told = known.ask("deletion", agent={"name": "A. Gent", "authority": "a friend"}).get_json()
    assert told["state"] == "received"
    assert known.file.case.agent == "named"
    assert known.bench.count == 1
    assert known.bench.service.storage.entries(kind="erasure") == []


def test_s23_deletion_is_carried_out_when_everyone_who_holds_the_data_has_followed(known: Asker) -> None:
    token = known.visitor.cookie("cg_token")
    told = known.ask("deletion").get_json()
    assert (told["state"], told["outcome"]) == ("decided", "granted")
    check = known.bench.visitor().send("GET", "/gate/check?purpose=analytics", headers={"X-Consent-Token": str(token)})
    assert check.headers["X-Consent-Reason"] == "withdrawn"
    assert [known.visitor.cookie(name) for name in ("cg_handle.demo", "cg_token", "cg_choice")] == [None] * 3
    (row,) = known.bench.service.storage.decisions("demo")
    assert row.is_erased
    known.bench.service.requests.serving.carry_on()
    assert known.state == "decided"
    known.follow_streams()
    assert known.state == "carried_out"
    assert "erased for good" in known.press().text
    assert (known.state, known.file.case.notified_by) == ("notified", "page")


@pytest.mark.parametrize("kind", ["suspension", "stop_provision", "restriction"])
def test_s24_restriction_is_a_state_of_its_own_and_takes_effect_at_once(known: Asker, kind: str) -> None:
    assert known.ask(kind).get_json()["outcome"] == "granted"
    assert known.visitor.send("POST", "/v1/sites/demo/token").status_code != 200
    consent = known.visitor.send("GET", "/v1/sites/demo/consent").get_json()
    assert (consent["state"], consent["restricted"]) == ("refused", True)
    (row,) = known.bench.service.storage.decisions("demo")
    assert not row.is_erased
    known.follow_streams()
    assert known.state == "carried_out"


def test_s23_a_legal_hold_leaves_the_request_to_the_desk_and_its_end_lets_it_go_on(known: Asker) -> None:
    holds = Holds(known.bench.service.storage, known.bench.clock)
    hold = holds.place("demo", reason="Docket 7", by="hana")
    assert known.ask("deletion").get_json()["state"] == "deciding"
    known.bench.service.requests.serving.carry_on()
    assert known.state == "deciding"
    holds.release(hold.id, by="hana")
    known.follow_streams()
    known.follow_streams()
    assert known.state == "carried_out"


def test_s23_restricting_twice_is_carried_out_twice(known: Asker) -> None:
    known.ask("restriction")
    known.follow_streams()
    known.ask("restriction")
    assert known.state == "carried_out"


def test_corrections_and_complaints_wait_for_the_desk_even_with_the_handle(known: Asker) -> None:
    for kind in ("correction", "addition", "complaint"):
        told = known.ask(kind, message="My browser is not Safari.").get_json()
        assert (told["state"], told["next_step"]) == ("deciding", "wait")


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_in_the_ledger_without_anything_about_the_person(bench: Bench, asker: Asker, kind: str) -> None:
    asker.by_mail(kind, message="I am 森 はな.")
    (entry,) = entries(bench)
    assert (entry["request"], entry["request_kind"], entry["state"]) == (asker.reference, kind, "received")
    assert set(entry) == {
        "v", "id", "kind", "site", "recorded_at", "request", "request_kind", "state", "outcome", "ground",
    }  # fmt: skip
    office = bench.service.requests
    office.desk.verify(asker.reference, "hana", "desk")
    assert sorted(entry["state"] for entry in entries(bench)) == ["deciding", "received", "verified"]


def test_nothing_about_the_person_lies_in_the_record_in_clear(bench: Bench, asker: Asker, tmp_path: Path) -> None:
    asker.by_mail("complaint", message="Kyarabukiyama wrote to my neighbour.")
    asker.bench.service.requests.desk.verify(asker.reference, "hana", "desk", "We know Kyarabukiyama.")
    bench.service.storage.ping()
    for path in tmp_path.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for secret in (b"mori@example.org", "森".encode(), b"Kyarabukiyama", asker.code.encode()):
            assert secret not in data, path.name


def test_a_closed_request_is_disposed_of_after_the_policy_s_time_with_all_that_belongs_to_it(
    known: Asker, tmp_path: Path
) -> None:
    known.ask("disclosure", contact={"email": "mori@example.org", "name": "Kyarabukiyama"})
    casebook, key_id = known.bench.service.requests.casebook, known.file.key_id
    assert known.state == "notified"
    kept_s = known.bench.service.book.current("demo").policy.retention.request_days * DAY_S
    known.bench.clock.advance(kept_s - 1)
    assert casebook.due(known.bench.clock.now_ms()) == []
    known.bench.clock.advance(1)
    assert casebook.due(known.bench.clock.now_ms()) == [known.reference]
    assert casebook.write(lambda transaction: casebook.dispose(transaction, known.reference)) == [key_id]
    assert not known.bench.service.storage.vault.holds(key_id)
    assert known.look().status_code == 404
    assert casebook.due(known.bench.clock.now_ms()) == []


def test_an_open_request_is_never_due_for_disposal(asker: Asker) -> None:
    asker.by_mail()
    asker.bench.clock.advance(10_000 * DAY_S)
    assert asker.bench.service.requests.casebook.due(asker.bench.clock.now_ms()) == []


def test_a_damaged_request_keeps_nobody_else_waiting(bench: Bench, known: Asker) -> None:
    other = Asker(bench, bench.visitor())
    other.visitor.decide("accept")
    known.ask("deletion")
    other.ask("deletion")
    assert known.state == other.state == "decided"
    damage = sa.update(tables_requests.requests).where(tables_requests.requests.c.reference == known.reference)
    bench.service.storage.write(lambda transaction: transaction.execute(damage.values(sealed=b"a disk wrote this")))
    with pytest.raises(RecordDamagedError):
        other.follow_streams()
    assert other.state == "carried_out"


def test_a_damaged_request_does_not_keep_everything_else_past_its_time(known: Asker) -> None:
    known.ask("disclosure", contact={"email": "mori@example.org"})
    service, table = known.bench.service, tables_requests.requests
    known.bench.clock.advance(service.book.current("demo").policy.retention.request_days * DAY_S)
    damage = sa.update(table).values(sealed=b"somebody else wrote this, or a disk did")
    service.storage.write(lambda transaction: transaction.execute(damage))
    with pytest.raises(RecordDamagedError):
        service.retention.purge()
    assert service.storage.read(sa.select(answers)) == []  # disposed of after requests


def test_a_request_that_came_back_with_a_backup_goes_again_and_the_others_stay(known: Asker, tmp_path: Path) -> None:
    bench, stays, service = known.bench, Asker(known.bench, known.bench.visitor()), known.bench.service
    known.ask("disclosure", contact={"email": "mori@example.org"})
    stays.by_mail("disclosure")
    bench.clock.advance(service.book.current("demo").policy.retention.request_days * DAY_S)
    backup = engines.Copy(bench.folder, tmp_path / "old")
    assert service.retention.purge().by_type()["request"] == 1
    service.close()
    backup.put_back(bench.folder)
    restored = open_service(service.settings, bench.clock)
    assert [file.reference for file in restored.requests.casebook.files(open_only=False)] == [stays.reference]
    assert restored.retention.purge().by_type()["request"] == 0
    restored.close()


def test_nobody_can_try_addresses_until_the_digest_of_a_submission_fits(asker: Asker) -> None:
    key = "a-key-that-only-the-sender-knows"
    contact = {"email": "mori@example.org", "name": "Mori"}
    assert asker.ask("disclosure", key=key, contact=contact, residence="jp").status_code == 201
    known = Application("demo", "disclosure", "jp", asker.file.locale, name="Mori", email="mori@example.org")
    kept = asker.bench.service.storage.read(sa.select(tables_requests.requests.c.intake_hash))[0]["intake_hash"]
    assert known.digest(key) == kept
    assert known.digest("") != kept

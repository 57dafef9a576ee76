"""The desk: verifying, deciding and telling, for people whom the record does not know by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import engines
from support.asking import OFFICER, PDF, Asker
from support.service import Bench, make_bench

from cookiegate.errors import InvalidInputError, NotFoundError, RequestGroundError, RequestStepError
from cookiegate.rights.holds import Holds
from cookiegate.rights.requests.desk import RequestDesk
from cookiegate.rights.requests.documents import open_documents
from cookiegate.rights.requests.grounds import GROUNDS
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.report import report_requests

DAY_S = 86_400


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The demo site's service, where anyone may ask as often as they like."""
    bench = make_bench(tmp_path, RATE_LIMIT_REQUESTS="100000/minute", RATE_LIMIT_WRITES="100000/minute")
    yield bench
    bench.service.close()


@pytest.fixture
def asker(bench: Bench) -> Asker:
    """Someone of whom only an e-mail address is known."""
    return Asker(bench, bench.visitor())


@pytest.fixture
def desk(bench: Bench) -> RequestDesk:
    """The desk."""
    return bench.service.requests.desk


def deciding(asker: Asker, kind: str = "disclosure", **body: Any) -> str:
    """A request of this kind that the desk has verified."""
    asker.by_mail(kind, **({"message": "Please."} | body))
    return asker.bench.service.requests.desk.verify(asker.reference, OFFICER, "desk").reference


@pytest.mark.parametrize("ground", ["harm_to_rights", "business_hindrance", "violates_law"])
def test_s20_a_refusal_names_its_ground_and_needs_nothing_more_than_the_notice(
    asker: Asker, desk: RequestDesk, ground: str
) -> None:
    closed = desk.decide(deciding(asker), OFFICER, "refused", ground=ground)
    assert (closed.case.state, closed.case.ground, closed.case.notified_by) == ("notified", ground, "mail")
    with pytest.raises(RequestStepError):
        desk.notify(asker.reference, OFFICER, "letter")


def test_s21_a_notice_of_purpose_is_given_by_the_desk_too(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    desk.decide(deciding(asker, "purpose_notice"), OFFICER, "granted")
    done = bench.service.requests.serving.carry_out(asker.reference, OFFICER)
    assert done.case.state == "notified"
    told = bench.service.requests.messenger.result_text(done, "ja")
    assert "アクセス解析" in told


@pytest.mark.parametrize("kind", ["correction", "addition"])
def test_s22_what_is_recorded_from_now_on_and_what_was_found_are_kept(
    asker: Asker, bench: Bench, desk: RequestDesk, kind: str
) -> None:
    reference = deciding(asker, kind)
    with pytest.raises(InvalidInputError, match="investigation"):
        desk.decide(reference, OFFICER, "granted", value="Firefox")
    with pytest.raises(InvalidInputError, match="value"):
        desk.decide(reference, OFFICER, "granted", investigation="The log says Safari.")
    desk.decide(reference, OFFICER, "granted", value="Firefox", investigation="The log says Safari.")
    with pytest.raises(InvalidInputError, match="what was done"):
        bench.service.requests.serving.carry_out(reference, OFFICER)
    bench.service.requests.serving.carry_out(reference, OFFICER, "Changed in the customer system.")
    words = asker.file.words_of("decide")
    assert (words["value"], words["investigation"]) == ("Firefox", "The log says Safari.")
    told = bench.service.requests.messenger.compose(asker.file, "decide", bench.clock.now_ms()).body
    assert "Firefox" in told
    assert "Safari" not in told


@pytest.mark.parametrize("ground", ["not_inaccurate", "not_necessary", "other_law_procedure"])
def test_s22_a_correction_is_refused_only_after_an_investigation(asker: Asker, desk: RequestDesk, ground: str) -> None:
    reference = deciding(asker, "correction")
    with pytest.raises(InvalidInputError):
        desk.decide(reference, OFFICER, "refused", ground=ground)
    assert desk.decide(reference, OFFICER, "refused", ground=ground, investigation="Compared.").case.state == "notified"


def test_s23_an_alternative_measure_is_described_carried_out_and_told(
    asker: Asker, bench: Bench, desk: RequestDesk
) -> None:
    reference = deciding(asker, "deletion")
    with pytest.raises(InvalidInputError, match="measure"):
        desk.decide(reference, OFFICER, "alternative_measure", ground="too_costly")
    desk.decide(reference, OFFICER, "alternative_measure", ground="too_costly", text="We hide it from everybody.")
    assert asker.state == "decided"
    bench.service.requests.serving.carry_out(reference, OFFICER, "Hidden since today.")
    assert (asker.state, asker.file.case.outcome) == ("notified", "alternative_measure")


def test_s23_the_desk_erases_for_an_agent_who_brings_the_receipt(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    receipt = bench.visitor().decide("accept").get_json()["receipt"]
    agent = {"name": "A. Gent", "authority": "lawyer"}
    asker.by_mail("deletion", receipt=receipt, agent=agent)
    assert asker.state == "received"
    desk.verify(asker.reference, OFFICER, "desk")
    desk.decide(asker.reference, OFFICER, "granted")
    bench.service.requests.serving.carry_out(asker.reference, OFFICER)
    (row,) = bench.service.storage.decisions("demo")
    assert row.is_erased
    assert asker.state == "decided"
    asker.follow_streams()
    assert (asker.state, asker.file.case.notified_by) == ("notified", "mail")


def test_s23_a_hold_stops_the_desk_and_says_so(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    receipt = bench.visitor().decide("accept").get_json()["receipt"]
    agent = {"name": "A. Gent", "authority": "lawyer"}
    asker.by_mail("deletion", receipt=receipt, agent=agent)
    desk.verify(asker.reference, OFFICER, "desk")
    desk.decide(asker.reference, OFFICER, "granted")
    Holds(bench.service.storage, bench.clock).place("demo", reason="Docket 7", by=OFFICER)
    with pytest.raises(Exception, match="legal hold"):
        bench.service.requests.serving.carry_out(asker.reference, OFFICER)
    assert (asker.state, asker.file.case.acted) == ("decided", False)


def test_s25_every_outcome_is_told_also_to_who_left_no_address(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    asker.ask("disclosure", residence="jp")
    desk.verify(asker.reference, OFFICER, "desk")
    desk.decide(asker.reference, OFFICER, "refused", ground="no_data")
    assert asker.state == "decided"
    with pytest.raises(InvalidInputError, match="no e-mail"):
        desk.notify(asker.reference, OFFICER, "mail")
    assert desk.notify(asker.reference, OFFICER, "letter").case.notified_by == "letter"


def test_s26_who_cannot_be_verified_is_refused_and_told(asker: Asker, desk: RequestDesk) -> None:
    asker.by_mail("disclosure")
    desk.ask_identity(asker.reference, OFFICER)
    with pytest.raises(RequestStepError):
        desk.decide(asker.reference, OFFICER, "granted")
    closed = desk.decide(asker.reference, OFFICER, "refused", ground="identity_not_confirmed")
    assert (closed.case.state, closed.case.verified_by) == ("notified", None)


def test_s26_the_agent_s_authority_is_checked_with_the_person(asker: Asker, desk: RequestDesk) -> None:
    asker.by_mail("disclosure", agent={"name": "A. Gent", "authority": "parent"})
    assert desk.verify(asker.reference, OFFICER, "desk").case.agent == "checked"
    assert [note.step.name for note in asker.file.notes] == ["name_agent", "check_agent", "verify", "take_up"]


def documents_on_disk(folder: Path) -> bool:
    return any(PDF[9:25] in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("end", ["verify", "refuse", "withdraw"])
def test_s26_a_document_is_gone_in_the_moment_the_check_ends(
    asker: Asker, bench: Bench, desk: RequestDesk, end: str, tmp_path: Path
) -> None:
    asker.visitor.origin = None
    asker.by_mail("disclosure")
    desk.ask_identity(asker.reference, OFFICER)
    asker.bench.service.requests.counter.give_document(asker.file, PDF, 65_536)
    (document,) = open_documents(bench.service.storage, asker.file.id)
    assert (document.content, document.media_type) == (PDF, "application/pdf")
    backup = engines.Copy(bench.folder, tmp_path / "backup")
    if end == "verify":
        desk.verify(asker.reference, OFFICER, "document")
    elif end == "refuse":
        desk.decide(asker.reference, OFFICER, "refused", ground="identity_not_confirmed")
    else:
        bench.service.requests.counter.withdraw(asker.file)
    assert open_documents(bench.service.storage, asker.file.id) == []
    assert not documents_on_disk(bench.folder)
    _restore_and_fail_to_open(bench, asker.reference, backup)


def _restore_and_fail_to_open(bench: Bench, reference: str, backup: engines.Copy) -> None:
    """A copy of the record from before holds the document's row, and nothing opens it any more."""
    bench.service.close()
    backup.put_back(bench.folder)
    again = make_bench(bench.folder)
    file = again.service.requests.casebook.read(reference)
    assert file.case.identity == "given"
    assert open_documents(again.service.storage, file.id) == []
    again.service.close()


def test_s26_a_document_that_nobody_looks_at_goes_after_two_weeks(
    asker: Asker, bench: Bench, desk: RequestDesk
) -> None:
    asker.by_mail("disclosure")
    desk.ask_identity(asker.reference, OFFICER)
    bench.service.requests.counter.give_document(asker.file, PDF, 65_536)
    bench.clock.advance(14 * DAY_S - 1)
    assert bench.service.requests.drop_old_documents() == 0
    bench.clock.advance(1)
    assert bench.service.requests.drop_old_documents() == 1
    assert not documents_on_disk(bench.folder)
    assert desk.ask_identity(asker.reference, OFFICER).case.identity == "asked"


def test_s27_the_clock_of_a_request_stands_still_while_we_wait_for_the_person(
    asker: Asker, bench: Bench, desk: RequestDesk
) -> None:
    asker.by_mail("disclosure")
    before = asker.look().get_json()["due_at"]
    desk.ask_identity(asker.reference, OFFICER)
    bench.clock.advance(10 * DAY_S)
    bench.service.requests.counter.give_document(asker.file, PDF, 65_536)
    after = asker.look().get_json()["due_at"]
    assert (before[:10], after[:10]) == ("2026-12-02", "2026-12-12")


def test_s27_more_time_is_taken_once_with_a_reason_and_told(asker: Asker, desk: RequestDesk) -> None:
    reference = deciding(asker)
    with pytest.raises(InvalidInputError):
        desk.extend(reference, OFFICER, "  ")
    assert desk.extend(reference, OFFICER, "The archive is being moved.").case.extended
    with pytest.raises(RequestStepError):
        desk.extend(reference, OFFICER, "Once more.")


def test_s28_a_complaint_is_taken_in_tracked_routed_and_answered(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    reference = deciding(asker, "complaint", message="You never answered.")
    with pytest.raises(InvalidInputError):
        desk.route(reference, OFFICER, "")
    assert desk.route(reference, OFFICER, "PPC, number 7").case.routed
    desk.decide(reference, OFFICER, "granted", text="You are right.")
    bench.service.requests.serving.carry_out(reference, OFFICER, "We trained the desk.")
    assert (asker.state, asker.file.case.outcome) == ("notified", "granted")
    assert "route" in [line["step"] for line in asker.look().get_json()["history"]]


def test_a_fee_outside_japan_needs_its_reason(asker: Asker, desk: RequestDesk) -> None:
    asker.ask("disclosure", residence="eea", contact={"email": "mori@example.org"})
    desk.verify(asker.reference, OFFICER, "desk")
    with pytest.raises(InvalidInputError, match="excessive"):
        desk.quote_fee(asker.reference, OFFICER, "5 EUR")
    assert desk.quote_fee(asker.reference, OFFICER, "5 EUR", "The tenth this week.").case.fee == "quoted"
    assert desk.settle_fee(asker.reference, OFFICER, waived=True).case.fee == "waived"


def test_a_step_that_is_refused_leaves_no_trace(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    reference = deciding(asker)
    notes, entries = asker.file.notes, len(bench.service.storage.entries())
    for attempt in (
        lambda: desk.decide(reference, OFFICER, "refused", ground="too_costly"),
        lambda: desk.decide(reference, OFFICER, "partly"),
        lambda: desk.verify(reference, OFFICER, "desk"),
        lambda: desk.route(reference, OFFICER, "PPC"),
    ):
        with pytest.raises((RequestGroundError, RequestStepError)):
            attempt()
    assert asker.file.notes == notes
    assert len(bench.service.storage.entries()) == entries


def test_an_unknown_reference_is_told_so(desk: RequestDesk) -> None:
    with pytest.raises(NotFoundError):
        desk.verify("R-0000-0000", OFFICER, "desk")


def test_s36_the_report_counts_kinds_outcomes_and_days(asker: Asker, bench: Bench, desk: RequestDesk) -> None:
    desk.decide(deciding(asker), OFFICER, "refused", ground="no_data")
    late = deciding(asker, "deletion")
    bench.clock.advance(20 * DAY_S)
    desk.decide(late, OFFICER, "refused", ground="without_reason")
    asker.by_mail("complaint", message="Slow.")
    bench.clock.advance(15 * DAY_S)
    files = bench.service.requests.casebook.files(open_only=False)
    rows = {row.kind: row for row in report_requests([file.case for file in files], bench.clock.now_ms())}
    assert list(rows) == ["disclosure", "deletion", "complaint"]
    assert (rows["disclosure"].refused, rows["disclosure"].late, rows["disclosure"].median_days) == (1, 0, 0.0)
    assert (rows["deletion"].late, rows["deletion"].longest_days) == (1, 20.0)
    assert (rows["complaint"].open, rows["complaint"].overdue, rows["complaint"].median_days) == (1, 1, None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_answered_by_the_desk_to_the_end(
    asker: Asker, bench: Bench, desk: RequestDesk, kind: str
) -> None:
    reference = deciding(asker, kind)
    desk.decide(reference, OFFICER, "granted", value="New.", investigation="Seen.")
    bench.service.requests.serving.carry_out(reference, OFFICER, "Done by hand.")
    assert asker.state == "notified"


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_ground_can_be_used_somewhere(asker: Asker, desk: RequestDesk, ground: str) -> None:
    rule = GROUNDS[ground]
    kind = sorted(rule.kinds)[0]
    if rule.unverified:
        asker.by_mail(kind, message="Please.")
        reference = asker.reference
    else:
        reference = deciding(asker, kind)
    if ground == "fee_unpaid":
        desk.quote_fee(reference, OFFICER, "500 JPY")
    decided = desk.decide(
        reference, OFFICER, rule.outcomes[0], ground=ground, text="Why.", value="New.", investigation="Seen."
    )
    assert decided.case.ground == ground

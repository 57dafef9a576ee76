"""Accidents: who is affected, who is told, and by when (S29, S30)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from support import engines
from support.asking import delivered
from support.mailing import MailServer
from support.service import Bench

from cookiegate.errors import IncidentStateError, InvalidInputError, SiteUnknownError
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.rights.incidents.clocks import CAUSES, DAY_MS, deadlines
from cookiegate.rights.incidents.incidents import Incident, Incidents, IncidentTexts, NewIncident
from cookiegate.rights.incidents.report import write_report
from cookiegate.storage.tables_deliveries import outbox

BY = "aoki"


@pytest.fixture
def incidents(bench: Bench) -> Incidents:
    return Incidents(bench.service.storage, bench.service.book, bench.clock)


def new(bench: Bench, **changes: Any) -> NewIncident:
    now_ms = bench.clock.now_ms()
    facts: dict[str, Any] = {
        "site": "demo",
        "cause": "misconfiguration",
        "fields": ("browsing",),
        "from_ms": now_ms - DAY_MS,
        "to_ms": now_ms + DAY_MS,
        "known_at_ms": now_ms,
        "texts": IncidentTexts("The bucket of the log was readable by anyone."),
    }
    return NewIncident(**{**facts, **changes})


def choose(bench: Bench, *categories: str, action: str = "choose") -> tuple[Any, int]:
    visitor = bench.visitor()
    answer = visitor.decide(action, purposes={"analytics": True}, acquire=dict.fromkeys(categories, True)).get_json()
    row = bench.service.storage.decision(answer["decision"]["id"])
    assert row is not None
    return visitor, row.key_id


def test_s30_a_suspicion_reaches_the_responsible_manager_at_once(bench: Bench, incidents: Incidents) -> None:
    incident = incidents.open(new(bench, is_suspicion=True), by=BY)
    assert incident.state == "suspected"
    mails = bench.service.storage.read(sa.select(outbox).where(outbox.c.channel == "mail"))
    assert [(row["about"], row["state"]) for row in mails] == [(incident.id, "pending")]


def test_s30_the_manager_reads_in_their_own_language_what_is_due(bench: Bench, incidents: Incidents) -> None:
    incident = incidents.open(new(bench, is_suspicion=True), by=BY)
    server = MailServer().start()
    delivered(bench, server)
    server.stop()
    (mail,) = server.taken
    text = mail.get_content()
    assert mail["To"] == "privacy@example.jp"
    assert mail["Subject"] == f"[demo] {incident.id}：漏えい等の事故、またはそのおそれ"
    for words in ("個人情報保護委員会への速報", f"cookiegate incident affected {incident.id}", "bucket of the log"):
        assert words in text
    assert "appi_" not in text
    assert "0人" not in text  # nobody has looked yet


def test_s29_exactly_those_are_found_whose_data_was_within_reach(bench: Bench, incidents: Incidents) -> None:
    before = choose(bench, "browsing", "device")  # gave before, and never took it back
    withdrawn, _ = choose(bench, "browsing")
    bench.clock.advance(3_600)
    withdrawn.decide("withdraw")  # over before the accident began
    bench.clock.advance(3_600)
    start = bench.clock.now_ms()
    bench.clock.advance(60)
    during = choose(bench, "browsing")
    left, left_key = choose(bench, "browsing")
    choose(bench, "device")  # other data
    bench.visitor().decide("reject")
    bench.clock.advance(60)
    left.decide("withdraw")  # too late: it was within reach
    end = bench.clock.now_ms() + 1
    bench.clock.advance(60)
    choose(bench, "browsing")  # afterwards
    incident = incidents.open(new(bench, from_ms=start, to_ms=end), by=BY)
    found = incidents.affected(incident.id, by=BY)
    assert found.affected == 3
    for key in (before[1], during[1], left_key):
        assert incidents.affecting(key) == []  # not before they are notified
    incidents.notify(incident.id, by=BY)
    for key in (before[1], during[1], left_key):
        assert [item.id for item in incidents.affecting(key)] == [incident.id]
    assert len(incidents.subjects(incident.id)) == 3


def test_everyone_who_decided_is_affected_when_the_records_themselves_leaked(
    bench: Bench, incidents: Incidents
) -> None:
    choose(bench, "device")
    bench.visitor().decide("reject")
    incident = incidents.open(new(bench, fields=("record",)), by=BY)
    assert incidents.affected(incident.id, by=BY).affected == 2
    assert len(incidents.subjects(incident.id)) == 1  # a refusal has no pseudonym


def test_s29_those_affected_read_of_it_on_their_own_page_and_everyone_on_the_notice_page(
    bench: Bench, incidents: Incidents
) -> None:
    visitor, _ = choose(bench, "browsing")
    other, _ = choose(bench, "device")
    incident = incidents.open(new(bench), by=BY)
    incidents.affected(incident.id, by=BY)
    assert incident.id not in visitor.send("GET", "/preferences/demo?lang=en").text
    incidents.notify(incident.id, by=BY)
    page = visitor.send("GET", "/preferences/demo?lang=en").text
    assert incident.id in page
    assert "The bucket of the log was readable by anyone." in page
    assert incident.id not in other.send("GET", "/preferences/demo?lang=en").text
    assert incident.id in bench.visitor().send("GET", "/notice/demo?lang=ja").text
    incidents.close(incident.id, by=BY)
    assert incident.id not in bench.visitor().send("GET", "/notice/demo").text
    assert incident.id in visitor.send("GET", "/preferences/demo?lang=en").text


def test_a_hostile_summary_is_only_text(bench: Bench, incidents: Incidents) -> None:
    visitor, _ = choose(bench, "browsing")
    incident = incidents.open(new(bench, texts=IncidentTexts("<script>alert(1)</script>")), by=BY)
    incidents.affected(incident.id, by=BY)
    incidents.notify(incident.id, by=BY)
    for path in ("/preferences/demo", "/notice/demo"):
        assert "<script>alert" not in visitor.send("GET", path).text


def test_the_operator_s_systems_are_told_whom_to_reach(bench: Bench, incidents: Incidents) -> None:
    Subscribers(bench.service.storage, bench.clock).add("crm", ("incident.*",), url="https://crm.example.jp/hook")
    choose(bench, "browsing")
    incident = incidents.open(new(bench), by=BY)
    incidents.affected(incident.id, by=BY)
    incidents.notify(incident.id, by=BY)
    kinds = [row["kind"] for row in bench.service.storage.read(sa.select(outbox).where(outbox.c.subscriber == "crm"))]
    assert sorted(kinds) == ["incident.affected", "incident.notified", "incident.opened"]


def test_the_announcement_is_shown_while_nothing_can_be_written(bench: Bench, incidents: Incidents) -> None:
    choose(bench, "browsing")
    incident = incidents.open(new(bench), by=BY)
    incidents.affected(incident.id, by=BY)
    incidents.notify(incident.id, by=BY)
    with engines.locked(bench.folder):
        assert bench.visitor().send("GET", "/notice/demo").status_code == 200
        assert bench.visitor().send("GET", "/preferences/demo").status_code == 200


def test_every_step_is_in_the_ledger_without_the_texts(bench: Bench, incidents: Incidents) -> None:
    incident = incidents.open(new(bench), by=BY)
    for name in ("affected", "notify", "close"):
        bench.clock.advance(1)
        step(incidents, incident, name)
    records = [json.loads(row.record) for row in bench.service.storage.entries(kind="incident")]
    assert [item["step"] for item in records] == ["opened", "affected", "notified", "closed"]
    assert "bucket" not in json.dumps(records)
    stored = engines.stored(bench.folder)
    assert b"bucket of the log" not in stored


def test_an_erased_visitor_is_nobody_s_to_reach(bench: Bench, incidents: Incidents) -> None:
    _, key = choose(bench, "browsing")
    incident = incidents.open(new(bench), by=BY)
    incidents.affected(incident.id, by=BY)
    bench.service.storage.write(lambda transaction: transaction.erase_key(key))
    bench.service.storage.shred()
    assert incidents.subjects(incident.id) == []


@pytest.mark.parametrize("cause", CAUSES)
def test_s29_the_clocks_run_from_the_moment_anyone_knew(cause: Any) -> None:
    found = {item.key: item.at_ms for item in deadlines(cause, 0)}
    assert found["appi_preliminary_from"] == 3 * DAY_MS
    assert found["appi_preliminary"] == 5 * DAY_MS
    assert found["gdpr_authority"] == 3 * DAY_MS
    assert found["appi_final"] == (60 if cause in ("attack", "misuse", "tampering") else 30) * DAY_MS


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_regulator_s_report_states_nine_items_and_the_clocks(
    bench: Bench, incidents: Incidents, language: str
) -> None:
    choose(bench, "browsing")
    incident = incidents.open(new(bench), by=BY)
    incidents.affected(incident.id, by=BY)
    found = incidents.describe(incident.id, harm="none found", prevention="access reviewed each week")
    policy = bench.service.book.current("demo").policy
    text = write_report(found, policy, language, bench.clock.now_ms() + 6 * DAY_MS)
    assert all(f"\n{number}. " in text for number in range(1, 10))
    assert "access reviewed each week" in text
    assert policy.controller.name[language] in text
    assert ("期限超過" if language == "ja" else "OVERDUE") in text


def step(incidents: Incidents, incident: Incident, name: str) -> Incident:
    return getattr(incidents, name)(incident.id, by=BY)  # type: ignore[no-any-return]


def test_no_step_comes_before_its_time(bench: Bench, incidents: Incidents) -> None:
    incident = incidents.open(new(bench), by=BY)
    with pytest.raises(IncidentStateError, match="open"):
        step(incidents, incident, "notify")
    with pytest.raises(IncidentStateError, match="without-notice"):
        step(incidents, incident, "close")
    incidents.close(incident.id, by=BY, without_notice="the bucket held test data only")
    for name in ("affected", "notify", "close"):
        with pytest.raises(IncidentStateError, match="closed"):
            step(incidents, incident, name)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fields": ()}, "fields"),
        ({"fields": ("everything",)}, "fields"),
        ({"to_ms": 0}, "to"),
        ({"cause": "aliens"}, "cause"),
        ({"known_at_ms": 2**52}, "known_at"),
        ({"texts": IncidentTexts("  ")}, "summary"),
        ({"texts": IncidentTexts("x" * 4_001)}, "summary"),
    ],
)
def test_what_does_not_fit_is_named(bench: Bench, incidents: Incidents, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        incidents.open(new(bench, **change), by=BY)
    assert field in refused.value.evidence["errors"]  # type: ignore[operator]


def test_a_site_without_a_policy_has_no_file(bench: Bench, incidents: Incidents) -> None:
    with pytest.raises(SiteUnknownError):
        incidents.open(new(bench, site="nowhere"), by=BY)
    with pytest.raises(InvalidInputError, match="no file"):
        incidents.find("I-2222-2222")

"""Retention of everything besides people's decisions, through one purge."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from support.asking import Asker
from support.service import Bench, Visitor

from cookiegate.clock import rfc3339
from cookiegate.consent.ids import hash_handle
from cookiegate.ledger.ids import new_id
from cookiegate.rights.events.files import FOLDER
from cookiegate.rights.provision.provisions import Provision
from cookiegate.storage import tables
from cookiegate.storage.event_log import EventLog, EventWriter, day_of
from cookiegate.storage.tables_requests import requests

DAY_S = 86_400


def days(bench: Bench, count: float) -> None:
    bench.clock.advance(count * DAY_S)


def purge(bench: Bench, record_type: str, **options: Any) -> tuple[int, int]:
    """How many of a type were disposed of, and how many kept."""
    report = bench.service.retention.purge(**options)
    return report.by_type().get(record_type, 0), report.kept_by_type().get(record_type, 0)


def disposals(bench: Bench, record_type: str) -> list[dict[str, Any]]:
    entries = [json.loads(row.record) for row in bench.service.storage.entries(kind="disposal")]
    return [entry for entry in entries if entry["record_type"] == record_type]


def sub_and_key(bench: Bench, visitor: Visitor) -> tuple[str, int]:
    row = bench.service.storage.find_consent("demo", hash_handle(str(visitor.cookie("cg_handle.demo"))))
    assert row is not None
    return row.sub, row.key_id


def a_request(bench: Bench, visitor: Visitor) -> str:
    """A request that is served at once, and seen; its reference."""
    asker = Asker(bench, visitor)
    asker.ask("disclosure", residence="jp")
    assert asker.press("show").status_code == 200
    return asker.reference


def test_s17_a_closed_request_goes_after_its_time_with_its_key(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    reference = a_request(bench, visitor)
    row = bench.service.storage.read(sa.select(requests).where(requests.c.reference == reference))[0]
    assert row["state"] == "notified"
    days(bench, 1_095 - 1)
    assert purge(bench, "request") == (0, 0)
    days(bench, 1)
    assert purge(bench, "request", dry_run=True) == (1, 0)
    assert purge(bench, "request") == (1, 0)
    assert not bench.service.storage.vault.holds(row["key_id"])
    assert row["key_id"] in disposals(bench, "request")[0]["erased_keys"]
    assert bench.service.storage.read(sa.select(requests)) == []


def test_a_request_of_somebody_on_hold_stays(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    a_request(bench, visitor)
    _sub, key_id = sub_and_key(bench, visitor)
    hold = bench.service.holds.place("demo", key_id=key_id, reason="case", by="aoki")
    days(bench, 1_095)
    assert purge(bench, "request") == (0, 1)
    bench.service.holds.release(hold.id, by="aoki")
    assert purge(bench, "request") == (1, 0)


def provide(bench: Bench, sub: str) -> None:
    now_ms = bench.clock.now_ms()
    provision = Provision(
        id=new_id(now_ms),
        site="demo",
        sub=sub,
        recipient="measuring",
        recipient_name={"en": "Measuring"},
        recipient_kind="third_party",
        country="JP",
        transfer=None,
        purpose="analytics",
        items=("browsing",),
        ground="consent",
        policy_version=1,
        epoch=1,
        provided_at=rfc3339(now_ms),
    )
    bench.service.provisions.add(provision, now_ms)


def test_s17_records_of_provision_go_after_three_years_but_for_those_on_hold(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    sub, key_id = sub_and_key(bench, visitor)
    for name in (sub, "o" * 22, "p" * 22):
        provide(bench, name)
        bench.clock.advance(1)
    bench.service.holds.place("demo", key_id=key_id, reason="case", by="aoki")
    days(bench, 1_095)
    assert purge(bench, "provision", dry_run=True) == (2, 1)
    assert purge(bench, "provision") == (2, 1)
    assert purge(bench, "provision") == (0, 1)
    assert len(bench.service.provisions.of("demo", sub)) == 1
    assert bench.service.provisions.of("demo", "o" * 22) == []
    (entry,) = disposals(bench, "provision")
    assert (entry["count"], len(entry["erased_keys"]), entry["days"]) == (2, 2, 1_095)


def test_addresses_kept_as_evidence_go_with_their_day(bench: Bench) -> None:
    bench.service.ip_evidence.note("demo", "192.0.2.1", "/v1/sites/<site>/decisions", 201)
    bench.service.ip_evidence.flush()
    days(bench, 2)
    assert purge(bench, "ip_evidence", dry_run=True) == (1, 0)
    assert purge(bench, "ip_evidence") == (1, 0)
    assert len(disposals(bench, "ip_evidence")) == 1


def write_event(bench: Bench, sub: str) -> None:
    log = EventLog(bench.service.settings.data_dir / FOLDER / "demo", "plain")
    log.folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"name": "view", "consent": {"sub": sub}}, separators=(",", ":")).encode() + b"\n"
    EventWriter(log).append(day_of(bench.clock.now_ms()), lambda: line)


def test_s17_events_go_when_the_purpose_says_so_but_for_those_on_hold(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("accept")
    sub, key_id = sub_and_key(bench, visitor)
    policy = bench.service.book.current("demo").policy
    purpose = policy.purpose(policy.collectors["plain"].purpose)
    assert purpose is not None
    write_event(bench, sub)
    write_event(bench, "o" * 22)
    bench.service.restriction.restrict("demo", key_id, by="self")
    days(bench, purpose.retention_days + 1)
    assert purge(bench, "event", dry_run=True)[0] == 1
    assert purge(bench, "event")[0] == 1
    assert disposals(bench, "event")[0]["rule"] == f"plain:{purpose.key}"
    bench.service.restriction.lift("demo", key_id, by="self")
    assert purge(bench, "event")[0] == 1
    assert purge(bench, "event")[0] == 0


def test_idempotency_keys_go_after_a_week_and_only_in_a_whole_purge(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("reject")
    days(bench, 8)
    assert "answer" not in bench.service.retention.purge(site="demo").by_type()
    assert purge(bench, "answer", dry_run=True) == (1, 0)
    assert purge(bench, "answer") == (1, 0)
    assert bench.service.storage.read(sa.select(tables.answers)) == []


def test_operators_see_what_went_and_what_is_kept(bench: Bench, visitor: Visitor) -> None:
    visitor.decide("reject")
    visitor.decide("accept")
    _sub, key_id = sub_and_key(bench, visitor)
    bench.service.restriction.restrict("demo", key_id, by="self")
    days(bench, 1_095 + 180)
    bench.service.retention.purge()
    metrics = bench.service.metrics.exposition().decode()
    assert 'cookiegate_disposed_total{type="refusal"} 1.0' in metrics
    assert 'cookiegate_overdue{type="consent"} 1.0' in metrics
    assert f"cookiegate_purged_at_seconds {bench.clock.now_ms() / 1000}"[:30] in metrics


def test_the_service_purges_every_hour_led_by_one_process(bench: Bench) -> None:
    (chore,) = [chore for chore in bench.service.chores if chore.name == "purge"]
    assert (chore.every_s, chore.leased) == (3_600, True)

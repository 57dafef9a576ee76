"""Addresses as evidence, and the break-glass look-up (S1)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.policies import demo_policy
from support.service import Bench, make_bench

from cookiegate.errors import InvalidInputError, LookupStateError, StorageError
from cookiegate.policy.document import Retention
from cookiegate.rights.addresses.evidence import DAY_MS, IpEvidence
from cookiegate.rights.addresses.lookups import IpLookups, Lookup
from cookiegate.rights.addresses.officers import Officer

ADDRESS, OTHER = "203.0.113.77", "2001:db8::7"
REASON = "flood of refused decisions, ticket 4711"
AOKI = Officer("aoki", ("look-up",), 0, None)
TANAKA = Officer("tanaka", ("approve",), 0, None)
HOUR_S = 3_600


@pytest.fixture
def evidence(bench: Bench) -> IpEvidence:
    return IpEvidence(bench.service.storage, bench.clock)


@pytest.fixture
def lookups(bench: Bench, evidence: IpEvidence) -> IpLookups:
    return IpLookups(bench.service.storage, evidence, bench.clock)


def see(evidence: IpEvidence, *addresses: str) -> None:
    for address in addresses:
        evidence.note("demo", address, "/v1/sites/<site>/decisions", 201)
    evidence.flush()


def ask(bench: Bench, lookups: IpLookups, address: str | None = ADDRESS) -> Lookup:
    now_ms = bench.clock.now_ms()
    return lookups.ask(AOKI, "demo", now_ms - DAY_MS, now_ms + DAY_MS, REASON, address)


def entries(bench: Bench) -> list[dict[str, object]]:
    return [json.loads(row.record) for row in bench.service.storage.entries(kind="break_glass")]


def test_s01_a_look_up_needs_a_reason_a_second_person_and_ends_by_itself(
    bench: Bench, evidence: IpEvidence, lookups: IpLookups
) -> None:
    see(evidence, ADDRESS, ADDRESS, OTHER)
    lookup = ask(bench, lookups)
    with pytest.raises(LookupStateError, match="second person"):
        lookups.use(AOKI, lookup.id)
    with pytest.raises(LookupStateError, match="second person"):
        lookups.approve(AOKI, lookup.id, HOUR_S)
    lookups.approve(TANAKA, lookup.id, HOUR_S)
    (found,) = lookups.use(AOKI, lookup.id)
    assert (found.address, found.count, found.status) == (ADDRESS, 2, 201)
    bench.clock.advance(HOUR_S)
    with pytest.raises(LookupStateError, match="closed"):
        lookups.use(AOKI, lookup.id)


def test_s01_every_step_is_in_the_ledger_without_the_address(
    bench: Bench, evidence: IpEvidence, lookups: IpLookups
) -> None:
    see(evidence, ADDRESS)
    lookup = ask(bench, lookups)
    bench.clock.advance(1)
    lookups.approve(TANAKA, lookup.id, HOUR_S)
    bench.clock.advance(1)
    lookups.use(AOKI, lookup.id)
    steps = entries(bench)
    assert [(item["step"], item["by"]) for item in steps] == [
        ("requested", "aoki"), ("approved", "tanaka"), ("used", "aoki")
    ]  # fmt: skip
    assert steps[0]["reason"] == REASON
    assert ADDRESS not in json.dumps(steps)


def test_s01_an_address_lies_sealed_and_beside_nothing_that_tells_a_person(bench: Bench, evidence: IpEvidence) -> None:
    visitor = bench.visitor()
    decided = visitor.decide("accept").get_json()["decision"]["id"]
    see(evidence, ADDRESS)
    stored = b"".join(path.read_bytes() for path in bench.folder.rglob("*") if path.is_file())
    assert ADDRESS.encode() not in stored
    (seen,) = evidence.sightings("demo", 0, bench.clock.now_ms() + DAY_MS)
    assert decided not in repr(seen)
    assert seen.minute_ms % 60_000 == 0  # coarser than a decision's own time


def test_s01_a_site_keeps_no_address_unless_its_policy_says_so(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.visitor().decide("accept")
    assert bench.service.ip_evidence.flush() == 0
    bench.service.close()


def test_writes_and_refusals_of_a_site_that_keeps_evidence_are_seen(tmp_path: Path) -> None:
    policy = demo_policy(retention=Retention(ip_evidence_days=7))
    bench = make_bench(tmp_path, policies=(policy,), RATE_LIMIT_WRITES="2/minute")
    visitor = bench.visitor()
    for _ in range(3):
        visitor.decide("accept")
    visitor.send("POST", "/preferences/demo", data={})
    bench.service.ip_evidence.flush()
    seen = [(item.act, item.status) for item in bench.service.ip_evidence.sightings("demo", 0, 2**53)]
    assert ("/v1/sites/<site>/decisions", 201) in seen
    assert ("/v1/sites/<site>/decisions", 429) in seen
    assert any(act.startswith("/preferences") for act, _ in seen)
    bench.service.close()


def test_a_day_is_disposed_of_for_good(bench: Bench, evidence: IpEvidence, tmp_path: Path) -> None:
    see(evidence, ADDRESS)
    (day,) = [bench.clock.now_ms() // DAY_MS]
    assert evidence.due("demo", 7) == []
    bench.clock.advance(8 * 86_400)
    assert evidence.due("demo", 7) == [day]
    assert evidence.dispose("demo", day, by="purge") == 1
    assert evidence.dispose("demo", day, by="purge") == 0
    assert evidence.due("demo", 7) == []
    assert list(evidence.sightings("demo", 0, 2**53)) == []
    (entry,) = bench.service.storage.entries(kind="disposal")
    assert json.loads(entry.record)["count"] == 1


def test_what_a_policy_no_longer_keeps_is_due_at_once(bench: Bench, evidence: IpEvidence) -> None:
    see(evidence, ADDRESS)
    assert evidence.due("demo", 0) == [bench.clock.now_ms() // DAY_MS]


def test_nothing_noted_is_lost_while_the_record_is_away(
    bench: Bench, evidence: IpEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence.note("demo", ADDRESS, "x", 201)

    def away(_: object) -> None:
        raise StorageError("away")

    with monkeypatch.context() as patch:
        patch.setattr(bench.service.storage, "write", away)
        with pytest.raises(StorageError):
            evidence.flush()
    assert evidence.flush() == 1


@pytest.mark.parametrize("reason", ["", "   short   ", "x" * 501])
def test_a_look_up_without_a_proper_reason_is_refused(bench: Bench, lookups: IpLookups, reason: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        lookups.ask(AOKI, "demo", 0, 1_000, reason)
    assert "reason" in refused.value.evidence["errors"]  # type: ignore[operator]
    assert entries(bench) == []


@pytest.mark.parametrize(("from_ms", "to_ms"), [(5, 5), (9, 5), (0, 32 * DAY_MS), (-1, 5)])
def test_a_look_up_covers_at_most_a_month(lookups: IpLookups, from_ms: int, to_ms: int) -> None:
    with pytest.raises(InvalidInputError):
        lookups.ask(AOKI, "demo", from_ms, to_ms, REASON)


def test_an_approval_counts_once_and_for_whoever_asked(bench: Bench, lookups: IpLookups) -> None:
    lookup = ask(bench, lookups, None)
    lookups.approve(TANAKA, lookup.id, HOUR_S)
    with pytest.raises(LookupStateError, match="approved by tanaka"):
        lookups.approve(TANAKA, lookup.id, HOUR_S)
    with pytest.raises(LookupStateError, match="asked for by aoki"):
        lookups.use(TANAKA, lookup.id)
    with pytest.raises(InvalidInputError, match="no look-up"):
        lookups.use(AOKI, "L-2222-2222")
    with pytest.raises(InvalidInputError):
        lookups.approve(TANAKA, lookup.id, 5 * HOUR_S)
    assert lookups.every()[0].state(bench.clock.now_ms()) == "open"

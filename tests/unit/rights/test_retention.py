"""Disposal on time: who goes, who stays, and that a purge can be cut off anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import engines
from support.keeping import Keeping
from support.policies import demo_policy

from cookiegate.cli.purge import command
from cookiegate.clock import SystemClock
from cookiegate.consent.deciding import Decided
from cookiegate.errors import SiteUnknownError, StorageError
from cookiegate.policy.document import Retention as Periods
from cookiegate.policy.publishing import publish
from cookiegate.rights.retention import subject_disposal, subject_rules
from cookiegate.rights.retention.believed_time import BelievedTime
from cookiegate.rights.retention.retention import PurgeReport

#: The demo policy: asked again after 180 days; proofs kept 1095 days after a consent ended, 365 after a refusal.
ASK, CONSENT, REFUSAL = 180, 1_095, 365


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    bench = Keeping(tmp_path / "data")
    yield bench
    bench.close()


def counts(report: PurgeReport) -> dict[tuple[str, str], tuple[int, int]]:
    """(type, rule) → (disposed, kept), where there is anything."""
    return {
        (tally.record_type, tally.rule): (tally.count, tally.kept)
        for tally in report.tallies
        if tally.record_type in ("consent", "refusal") and (tally.count or tally.kept)
    }


def purge(bench: Keeping, **options: Any) -> dict[tuple[str, str], tuple[int, int]]:
    return counts(bench.retention().purge(**options))


def test_s17_each_record_goes_when_its_own_time_is_over(bench: Keeping) -> None:
    refused, given, kept = bench.decide("reject"), bench.decide(), bench.decide()
    bench.decide("withdraw", given.handle)
    bench.days(REFUSAL - 1)
    assert purge(bench) == {}
    bench.days(1)
    assert purge(bench) == {("refusal", "refused"): (1, 0)}
    bench.days(CONSENT - REFUSAL)
    assert purge(bench) == {("consent", "withdrawn"): (1, 0)}
    bench.days(ASK)
    assert purge(bench) == {("consent", "expired"): (1, 0)}
    assert all(bench.is_gone(decided) for decided in (refused, given, kept))
    bench.seal()
    assert not bench.verify().findings


def test_s17_a_consent_that_was_given_again_counts_from_the_last_time(bench: Keeping) -> None:
    first = bench.decide()
    bench.days(ASK - 1)
    again = bench.decide("accept", first.handle)
    bench.days(CONSENT + 1)
    assert purge(bench) == {}
    assert bench.consent(again) is not None
    bench.days(ASK)
    assert purge(bench) == {("consent", "expired"): (1, 0)}
    assert bench.is_gone(first)
    assert bench.is_gone(again)


def test_a_shorter_period_takes_effect_at_the_next_purge_and_a_longer_one_waits(bench: Keeping) -> None:
    first = bench.decide("reject")
    bench.days(100)
    assert purge(bench) == {}
    second = bench.decide("reject")
    publish(bench.storage, replace(demo_policy(), retention=Periods(refusal_days=90)), bench.clock)
    bench.book.refresh()
    assert purge(bench) == {("refusal", "refused"): (1, 0)}
    assert bench.is_gone(first)
    publish(bench.storage, replace(demo_policy(), retention=Periods(refusal_days=400)), bench.clock)
    bench.book.refresh()
    bench.days(399)
    assert purge(bench) == {}
    bench.days(1)
    assert purge(bench) == {("refusal", "refused"): (1, 0)}
    assert bench.is_gone(second)


def test_a_dry_run_tells_what_goes_and_changes_nothing(bench: Keeping) -> None:
    refused = bench.decide("reject")
    bench.days(REFUSAL)
    report = bench.retention().purge(dry_run=True)
    assert counts(report) == {("refusal", "refused"): (1, 0)}
    assert report.shown()["rows"][:1] == [
        {"record_type": "refusal", "site": "demo", "rule": "refused", "days": REFUSAL, "count": 1, "kept": 0}
    ]
    assert not bench.is_gone(refused)
    assert bench.entries("disposal") == []
    assert bench.retention().due() == list(report.tallies)


def test_each_piece_is_one_entry_that_names_its_keys(bench: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_disposal, "BATCH", 4)
    refused = [bench.decide("reject") for _ in range(10)]
    bench.days(REFUSAL)
    heard: list[int] = []
    report = bench.retention().purge(progress=heard.append)
    assert report.by_type()["refusal"] == 10
    assert [count for count in heard if count] == [4, 4, 2, 10]  # and ten idempotency keys, which have no entry
    entries = bench.entries("disposal")
    assert sorted(entry["count"] for entry in entries) == [2, 4, 4]  # of one millisecond
    named = sorted(key for entry in entries for key in entry["erased_keys"])
    assert named == sorted(decided.row.key_id for decided in refused)
    assert {(entry["record_type"], entry["rule"], entry["days"]) for entry in entries} == {("refusal", "refused", 365)}


def test_a_purge_reads_only_what_became_old_since_the_last(bench: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str | None] = []
    find = subject_rules.page_end

    def spy(read: subject_rules.Read, after: str, before: str) -> str | None:
        pages.append(find(read, after, before))
        return pages[-1]

    monkeypatch.setattr(subject_disposal, "page_end", spy)
    monkeypatch.setattr(subject_rules, "PAGE", 10)
    for _ in range(45):
        bench.decide("reject")
    bench.days(REFUSAL)
    purge(bench)
    assert len([page for page in pages if page]) == 5
    pages.clear()
    bench.decide("reject")
    bench.days(1)
    purge(bench)
    assert [page for page in pages if page] == []


def test_a_site_on_hold_is_left_alone_and_goes_on_afterwards(bench: Keeping) -> None:
    refused = bench.decide("reject")
    bench.days(REFUSAL)
    hold = bench.holds.place("demo", reason="case 2", by="aoki")
    report = bench.retention().purge()
    assert (counts(report), [held.id for held in report.held]) == ({}, [hold.id])
    assert not bench.is_gone(refused)
    bench.holds.release(hold.id, by="aoki")
    assert purge(bench) == {("refusal", "refused"): (1, 0)}


def test_one_person_on_hold_stays_while_others_go(bench: Keeping) -> None:
    held, other = bench.decide("reject"), bench.decide("reject")
    hold = bench.holds.place("demo", key_id=held.row.key_id, reason="case 3", by="aoki")
    bench.days(REFUSAL)
    assert purge(bench, dry_run=True) == {("refusal", "refused"): (1, 1)}
    assert purge(bench) == {("refusal", "refused"): (1, 1)}
    assert (bench.is_gone(held), bench.is_gone(other)) == (False, True)
    bench.days(30)
    assert purge(bench) == {("refusal", "refused"): (0, 1)}
    bench.holds.release(hold.id, by="aoki")
    assert purge(bench, dry_run=True) == {("refusal", "refused"): (1, 0)}
    assert purge(bench) == {("refusal", "refused"): (1, 0)}
    assert bench.is_gone(held)
    assert purge(bench) == {}


def test_restricted_data_is_kept_until_that_is_lifted(bench: Keeping) -> None:
    given = bench.decide()
    bench.restriction.restrict("demo", given.row.key_id, by="self")
    bench.days(ASK + CONSENT)
    assert purge(bench) == {("consent", "expired"): (0, 1)}
    bench.restriction.lift("demo", given.row.key_id, by="self")
    assert purge(bench) == {("consent", "expired"): (1, 0)}
    assert bench.is_gone(given)


def test_who_decided_again_while_on_hold_is_not_disposed_of_when_it_ends(bench: Keeping) -> None:
    given = bench.decide()
    hold = bench.holds.place("demo", key_id=given.row.key_id, reason="case 4", by="aoki")
    bench.days(ASK + CONSENT)
    assert purge(bench) == {("consent", "expired"): (0, 1)}
    again = bench.decide("accept", given.handle)
    assert again.row.key_id == given.row.key_id
    bench.holds.release(hold.id, by="aoki")
    assert purge(bench) == {}
    assert bench.consent(again).is_granted


def test_one_site_can_be_purged_alone_and_an_unknown_one_is_an_error(bench: Keeping) -> None:
    bench.decide("reject")
    bench.days(REFUSAL)
    report = bench.retention().purge(site="demo")
    assert {tally.site for tally in report.tallies} == {"demo"}
    with pytest.raises(SiteUnknownError):
        bench.retention().purge(site="nowhere")


class Failing:
    """The record, until the step with a given number: then it is gone, as in a crash."""

    def __init__(self, storage: Any, steps: int) -> None:
        self._storage = storage
        self._left = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        return self._counting(found) if name in ("write", "shred") else found

    def _counting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            if self._left == 0:
                raise StorageError("cut off here")
            self._left -= 1
            return call(*args)

        return counted


def population(bench: Keeping) -> list[Decided]:
    refused = [bench.decide("reject") for _ in range(3)]
    given = [bench.decide()]
    for decided in given:
        bench.decide("withdraw", decided.handle)
    bench.days(CONSENT)
    return refused + given


def test_a_purge_that_is_cut_off_at_any_step_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_disposal, "BATCH", 2)
    before = Keeping(tmp_path / "before")
    people, at_ms = population(before), before.clock.now_ms()
    before.close()
    steps, finished = 0, False
    while not finished:
        bench = Keeping(engines.copy_folder(before.folder, tmp_path / str(steps)))
        bench.clock.at_ms = at_ms
        try:
            bench.retention(Failing(bench.storage, steps)).purge()  # type: ignore[arg-type]
            finished = True
        except StorageError:
            bench.reopen()
        bench.retention().purge()
        assert all(bench.is_gone(decided) for decided in people), steps
        named = [key for entry in bench.entries("disposal") for key in entry["erased_keys"]]
        assert sorted(named) == sorted({decided.row.key_id for decided in people}), steps
        bench.seal()
        assert not bench.verify().findings, steps
        bench.close()
        steps += 1
    assert steps > 10


def run(bench: Keeping, *words: str) -> Any:
    return CliRunner().invoke(command, [*words, "--data-dir", str(bench.folder)], catch_exceptions=False)


@pytest.fixture
def old(bench: Keeping) -> Keeping:
    """A record with a refusal that is due by this machine's clock, and that was in use a moment ago."""
    bench.clock.at_ms = SystemClock().now_ms()
    bench.days(-REFUSAL)
    bench.decide("reject")
    bench.days(REFUSAL)
    BelievedTime(bench.storage, bench.clock).confirm()
    return bench


def test_the_command_prints_a_table_and_writes_its_report(old: Keeping, tmp_path: Path) -> None:
    shown = run(old, "--dry-run")
    assert shown.output.splitlines()[-1] == "2 records would be disposed of."  # with its idempotency key
    assert "refusal" in shown.output
    report = tmp_path / "report.json"
    done = run(old, "--json", "--report", str(report))
    assert json.loads(done.output) == json.loads(report.read_text())
    assert json.loads(done.output)["count"] == 2
    assert run(old).output == "0 records disposed of.\n"


def test_the_command_tells_of_a_site_on_hold(old: Keeping) -> None:
    hold = old.holds.place("demo", reason="case 5", by="aoki")
    assert f"hold {hold.id} (legal_claims)" in run(old).output


def test_the_command_destroys_what_an_old_key_file_brought_back(old: Keeping) -> None:
    gone = old.decide()
    old_bytes = old.storage.vault.path.read_bytes()
    old.erasure.erase(gone.row.key_id, site="demo", by="self")
    mark = old.storage.vault.path.read_bytes()[:32]
    old.storage.vault.path.write_bytes(mark + old_bytes[32:])  # put together by hand: the mark alone is new
    assert old.storage.vault.holds(gone.row.key_id)
    assert "1 erased keys had come back" in run(old).output
    assert old.is_gone(gone)

"""The mixed traffic of ``make load``, three seconds of it: every answer is the one that its request must get."""

from __future__ import annotations

from pathlib import Path

from support import engines

from benchmarks.load.engines import embedded
from benchmarks.load.report import as_json, as_text, facts
from benchmarks.load.runs import Plan, load

KINDS = {"widget", "token", "gate", "decision", "preferences"}


@engines.sqlite_only("it chooses its engine by itself")
def test_mixed_traffic_gets_no_answer_that_should_not_come(tmp_path: Path) -> None:
    traffic = tmp_path / "traffic"
    traffic.mkdir()
    with embedded(tmp_path) as set_up:
        loaded = load(set_up, traffic, Plan(seconds=3, paced_seconds=1, connections=8, visitors=512))
    assert loaded.unexpected() == {}
    assert {what.split()[0] for what, _ in loaded.tally.answers} == KINDS
    assert loaded.acknowledged > 0
    assert loaded.lost == 0
    assert loaded.bytes_per_decision()["decisions"] > 100
    found = facts(loaded)
    assert "SQLite, at half of that" in as_text([found])
    assert found["errors"] == 0
    assert "rss_growth_percent" in as_json([found])

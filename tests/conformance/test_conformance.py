"""Every engine counts the same, and what it must: `make conformance` on a tenth of the events."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import material, running
from conformance.material import FEW_EVENTS, Tally
from conformance.table import page
from cookiegate.gate import Reason, trackers

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """What the library counts."""
    done, _ = running.run("library", tmp_path_factory.mktemp("library"), FEW_EVENTS)
    assert done.faults == []
    return done.found


@pytest.mark.parametrize("engine", [name for name in running.ENGINES if name not in ("library", *running.HEAVY)])
def test_engine_counts_what_it_must(engine: str, library: Tally, tmp_path: Path) -> None:
    done, _ = running.run(engine, tmp_path, FEW_EVENTS, library)
    assert done.faults == []


def test_material_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    first, again, other = (
        material.make(tmp_path / str(number), 600, seed=seed) for number, seed in enumerate((1, 1, 2))
    )
    assert first.expected == again.expected != other.expected
    assert {name: len(lines) for name, lines in first.lines.items()} == {
        name: len(lines) for name, lines in again.lines.items()
    }


def test_material_holds_every_tracker_and_every_reason_that_a_request_can_have(tmp_path: Path) -> None:
    made = material.make(tmp_path, 6000)
    assert tuple(made.expected) == trackers.NAMES
    assert sum(sum(counts.values()) for counts in made.expected.values()) == 6000
    reasons = {name for counts in made.expected.values() for name in counts} - {"passed"}
    elsewhere = {
        Reason.OK, Reason.TOKEN_OVERSIZED, Reason.EPOCH_STALE, Reason.POLICY_OUTDATED, Reason.PURPOSE_MISSING,
        Reason.PURPOSE_UNKNOWN, Reason.RECIPIENT_NOT_COVERED, Reason.TRACKER_MISMATCH, Reason.BODY_TOO_LARGE,
    }  # fmt: skip
    assert reasons == set(map(str, Reason)) - set(map(str, elsewhere))


def test_page_has_a_row_for_each_engine_and_the_counts_of_the_whole_material(tmp_path: Path) -> None:
    made = material.make(tmp_path)
    runs = [running.Run(engine, {}, [], 0.0) for engine in running.ENGINES]
    assert PAGE.read_text(encoding="utf-8") == page(made.expected, runs)

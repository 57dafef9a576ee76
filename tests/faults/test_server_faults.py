"""Redis, PostgreSQL and the clock fail, or hang; another version comes; a copy is restored: short forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import scenes
from faults.report import line_of
from faults.rows import Row, everyday, play

assert scenes


@pytest.mark.timeout(240)
@pytest.mark.parametrize("row", everyday("servers", "hanging", "clocks", "versions"), ids=lambda row: row.name)
def test_what_must_hold_holds(row: Row, tmp_path: Path) -> None:
    outcome = play(row, row.engines[0], tmp_path, full=False)
    assert outcome.holds, line_of(outcome)

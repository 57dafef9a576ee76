"""Fifty times ``kill -9``, of a worker and of the whole service by turns, under load: nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.report import line_of
from faults.rows import SQLITE, Row, play
from faults.scenes.killing import cycles

KILLS = 50


@pytest.mark.timeout(400)
def test_nothing_acknowledged_is_lost_and_no_withdrawal_undone(tmp_path: Path) -> None:
    row = Row("kills", "kill -9", lambda stage: cycles(stage, KILLS), (SQLITE,), everyday=True)
    outcome = play(row, SQLITE, tmp_path, full=False)
    assert outcome.holds, line_of(outcome)
    assert outcome.acknowledged > 10 * KILLS

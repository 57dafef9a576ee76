"""When the benchmark of banners says that ours is ahead, and what it counts as a forced layout."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from benchmarks.widget.columns import failures, is_ahead, markdown
from benchmarks.widget.contenders import BARE, OURS, PEERS
from benchmarks.widget.looks import Look
from benchmarks.widget.picture import draw
from benchmarks.widget.rounds import Found
from benchmarks.widget.traces import count_forced

LOOK = Look(
    gzip=10_000, gzip_both=12_000, brotli=9_000, requests=2, banner=[], dialog=[], forbidden=[], covers=0.3, kept=[]
)
WORSE = replace(LOOK, gzip=15_000, gzip_both=15_000, brotli=14_000, requests=4, covers=0.6)


def found(times_ms: float, look: Look | None) -> Found:
    times = {name: [times_ms, times_ms + 1, times_ms + 30] for name in ("visible", "script", "tasks", "load")}
    return Found(**times, shift=[0, 0, 0], long=[0, 0, 0], look=look)


@pytest.fixture
def measured() -> dict[str, Found]:
    """Ours better than all others everywhere."""
    return {BARE.key: found(1, None), OURS.key: found(5, LOOK), **{peer.key: found(9, WORSE) for peer in PEERS}}


@pytest.mark.parametrize(
    ("ours", "theirs", "ahead"),
    [(1, 2, True), (2, 2, False), (3, 2, False), (0, 0, True), (1, None, True), (None, 1, False)],
)
def test_ahead_is_less_or_nothing_at_all(ours: float | None, theirs: float | None, ahead: bool) -> None:
    assert is_ahead(ours, theirs) is ahead


def test_ahead_in_every_column_of_every_peer(measured: dict[str, Found]) -> None:
    assert failures(OURS, PEERS, measured) == []


def test_each_column_that_is_not_ahead_is_named(measured: dict[str, Found]) -> None:
    measured["klaro"].look = replace(WORSE, covers=0.2)
    measured["orejime"].visible = [1, 2, 3]
    assert failures(OURS, PEERS, measured) == [
        "visible, ms: 6 is not ahead of Orejime with 2",
        "of 320×480: 0.30 is not ahead of Klaro with 0.20",
    ]


def test_a_notice_without_purposes_may_be_smaller_but_not_quicker(measured: dict[str, Found]) -> None:
    measured["osano"].look = replace(WORSE, gzip=8_000, gzip_both=8_000, brotli=7_000)
    assert failures(OURS, PEERS, measured) == []
    assert "(8,000)" in markdown((OURS, *PEERS), measured, {})
    measured["osano"].script = [1, 1, 1]
    assert [line.partition(":")[0] for line in failures(OURS, PEERS, measured)] == ["script CPU, ms"]


def test_the_picture_is_a_picture(measured: dict[str, Found]) -> None:
    drawn = ET.fromstring(draw((OURS, *PEERS), measured, "a day, a browser & more"))
    bars = drawn.findall("{*}rect")
    assert len(bars) == 3 * (1 + len(PEERS))
    assert all(0 < float(bar.attrib["width"]) < 600 for bar in bars)


def test_a_layout_is_forced_where_a_script_of_the_same_thread_of_the_page_runs() -> None:
    begun = {
        "name": "navigationStart",
        "ph": "R",
        "pid": 1,
        "tid": 1,
        "args": {"data": {"documentLoaderURL": "x:/page"}},
    }
    scripts = [{"name": "FunctionCall", "ph": "X", "pid": pid, "tid": 1, "ts": 100, "dur": 50} for pid in (1, 2)]
    layouts = [
        {"name": "Layout", "ph": "X", "pid": pid, "tid": tid, "ts": ts, "dur": 5}
        for pid, tid, ts in ((1, 1, 120), (1, 1, 160), (1, 2, 120), (2, 1, 120))
    ]
    assert count_forced([begun, *scripts, *layouts], "x:/page") == 1
    with pytest.raises(RuntimeError, match="which process"):
        count_forced(layouts, "x:/page")

"""What the load's script prints, and the arithmetic on it."""

from __future__ import annotations

import pytest

from benchmarks.load.tallies import Sample, Tally, cpu_share, growth_percent, read_tally, table
from benchmarks.measuring import Measured, read_wrk

PRINTED = """Running 3s test @ http://127.0.0.1:1
  64 threads and 64 connections
answer|widget known|304|expected|60
answer|decision accept|201|expected|3
answer|decision withdraw|201|expected|1
answer|gate granted|403|unexpected|2
took|widget|160|98
took|decision|240|2
socket|read|1
socket|timeout|0
sent|bytes|1000
received|bytes|2000
lasted|3000000
"""


def test_a_tally_is_read_among_the_lines_of_wrk() -> None:
    tally = read_tally(PRINTED)
    assert tally.answers["widget known", 304] == 60
    assert tally.unexpected == {("gate granted", 403): 2}
    assert (tally.lasted_s, tally.sent_bytes, tally.received_bytes) == (3.0, 1000, 2000)
    assert tally.answered == 66


def test_what_should_not_have_come_and_broken_connections_are_errors() -> None:
    assert read_tally(PRINTED).errors == 3


def test_acknowledged_decisions_are_counted() -> None:
    assert read_tally(PRINTED).acknowledged() == 4


def test_a_percentile_is_the_upper_edge_of_its_bucket() -> None:
    tally = read_tally(PRINTED)
    assert tally.percentile_ms(0.5) == pytest.approx(2 ** (161 / 16) / 1000)
    assert tally.percentile_ms(0.99) == pytest.approx(2 ** (241 / 16) / 1000)
    assert tally.percentile_ms(0.99, "widget") == pytest.approx(2 ** (161 / 16) / 1000)
    assert tally.percentile_ms(0.99, "preferences") == 0.0


def test_a_run_that_did_not_end_is_no_result() -> None:
    with pytest.raises(ValueError, match="no tally"):
        read_tally("answer|widget known|304|expected|60\n")


def test_runs_are_added_up_with_their_faults() -> None:
    whole = Tally()
    whole.add(read_tally(PRINTED))
    whole.add(read_tally(PRINTED))
    assert (whole.answers["widget known", 304], whole.errors, whole.lasted_s) == (120, 6, 6.0)


def test_growth_is_counted_from_the_end_of_the_warm_up() -> None:
    sizes = [100, *(200 + second // 10 for second in range(100))]
    samples = [Sample(float(second), size, 0.0) for second, size in enumerate(sizes)]
    assert growth_percent(samples, 20) == pytest.approx(100 * (209 / 202 - 1), abs=0.3)


def test_a_load_shorter_than_its_warm_up_has_no_growth() -> None:
    with pytest.raises(ValueError, match="warm-up"):
        growth_percent([Sample(0.0, 1, 0.0), Sample(1.0, 1, 0.0)], 5)


def test_cpu_is_counted_in_cores() -> None:
    samples = [Sample(float(second), 1, second * 1.5) for second in range(11)]
    assert cpu_share(samples, 2) == pytest.approx(1.5)


def test_tables_are_markdown_with_figures_on_the_right() -> None:
    assert table([["name", "n"], ["a", "10"]]) == "| name |  n |\n| ---- | -: |\n| a    | 10 |"


WRK = """  Latency Distribution
     50%  820.00us
     99%    1.20s
  300 requests in 3.00s, 1MB read
Requests/sec:    100.00
"""


def test_what_wrk_prints_is_read_in_milliseconds() -> None:
    assert read_wrk(WRK) == Measured(300, 100.0, pytest.approx(0.82), 1200.0)


@pytest.mark.parametrize("line", ["  Non-2xx or 3xx responses: 3", "  Socket errors: connect 0, read 1"])
def test_wrk_with_errors_says_nothing_about_the_rate(line: str) -> None:
    with pytest.raises(RuntimeError, match="wrk"):
        read_wrk(WRK + line)

"""Nothing is destroyed by a clock that is far off; and who was away for long waits, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.keeping import Keeping

from cookiegate.cli.purge import command
from cookiegate.clock import FrozenClock, SystemClock
from cookiegate.errors import ClockImplausibleError
from cookiegate.rights.retention.believed_time import APART_MAX_MS, FAR_MS, HELD_MS, BelievedTime, Mark
from cookiegate.rights.retention.disposals import DAY_MS

HOUR_S, DAY_S = 3_600, 86_400
YEARS_S = 3_650 * DAY_S
NOW_MS = 1_795_000_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Keeping]:
    """A record that a service used until now. The server of the record, if there is one, goes by its clock."""
    bench = Keeping(tmp_path / "data")
    bench.clock.at_ms = SystemClock().now_ms()
    yield bench
    bench.close()


class Machine:
    """A machine with a clock of its own, on which a service runs."""

    def __init__(self, bench: Keeping, server: FrozenClock | None = None) -> None:
        self.clock = FrozenClock(bench.clock.now_ms())
        self.awake_s = 0.0
        storage: Any = Told(bench.storage, server)
        self.time = BelievedTime(storage, self.clock, lambda: self.awake_s)

    def runs(self, seconds: float) -> None:
        """Time goes on here, and is looked at every minute or every hour."""
        step = min(seconds, HOUR_S)
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.awake_s += step
            self.time.look()

    def believes(self) -> bool:
        return self.time.look() is None


class Told:
    """The record, whose server tells another time, or none."""

    def __init__(self, storage: Any, server: FrozenClock | None) -> None:
        self._storage = storage
        self._server = server

    def now_ms(self) -> int | None:
        return self._server.now_ms() if self._server else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def test_a_clock_that_goes_on_is_believed(bench: Keeping) -> None:
    machine = Machine(bench)
    for seconds in (1, 60, HOUR_S, 3 * DAY_S):
        machine.runs(seconds)
        assert machine.believes()


def test_a_start_years_ahead_is_not_believed_until_the_clock_held_for_a_day(bench: Keeping) -> None:
    Machine(bench).runs(60)
    machine = Machine(bench)
    machine.clock.advance(YEARS_S)
    with pytest.raises(ClockImplausibleError) as refused:
        machine.time.insist()
    assert "--clock-is-right" in refused.value.detail
    machine.runs(DAY_S - HOUR_S)
    assert not machine.believes()
    machine.runs(HOUR_S)
    assert machine.believes()


def test_a_clock_that_is_right_again_is_believed_at_once(bench: Keeping) -> None:
    machine = Machine(bench)
    machine.runs(60)
    machine.clock.advance(YEARS_S)
    assert not machine.believes()
    machine.clock.advance(-YEARS_S)
    machine.runs(60)
    assert machine.believes()


def test_decisions_that_were_dated_ahead_do_not_bear_witness(bench: Keeping) -> None:
    """The first visitor of a service on a wrong clock must not make it right."""
    Machine(bench).runs(60)
    machine = Machine(bench)
    machine.clock.advance(YEARS_S)
    assert not machine.believes()
    bench.clock.at_ms = machine.clock.now_ms()
    bench.decide()
    bench.seal()
    assert not machine.believes()
    assert not Machine(bench).believes()


def test_a_record_without_a_mark_goes_by_what_was_last_recorded_in_it(bench: Keeping) -> None:
    """One that was restored, or that an older program kept."""
    bench.decide()
    machine = Machine(bench)
    machine.clock.advance(YEARS_S)
    assert not machine.believes()


def test_a_restart_does_not_begin_the_day_anew_and_a_jump_does(bench: Keeping) -> None:
    Machine(bench).runs(60)
    first = Machine(bench)
    first.clock.advance(YEARS_S)
    first.runs(DAY_S / 2)
    second = Machine(bench)
    second.clock.at_ms = first.clock.now_ms()
    second.runs(DAY_S / 2 - HOUR_S)
    second.clock.advance(3 * HOUR_S)  # it does not hold
    assert not second.believes()
    second.runs(DAY_S - HOUR_S)
    assert not second.believes()
    second.runs(HOUR_S)
    assert second.believes()


def test_an_operator_confirms_it(bench: Keeping) -> None:
    Machine(bench).runs(60)
    machine = Machine(bench)
    machine.clock.advance(YEARS_S)
    assert not machine.believes()
    machine.time.confirm()
    assert machine.believes()


@pytest.mark.parametrize("apart_s", [-YEARS_S, -600, 600, YEARS_S])
def test_a_clock_that_is_not_the_servers_is_never_believed(bench: Keeping, apart_s: int) -> None:
    server = FrozenClock(bench.clock.now_ms())
    machine = Machine(bench, server)
    assert machine.believes()
    machine.clock.advance(apart_s)
    server.advance(2 * DAY_S)
    machine.runs(2 * DAY_S)
    assert not machine.believes()
    with pytest.raises(ClockImplausibleError):
        machine.time.confirm()
    server.at_ms = machine.clock.now_ms()
    assert Machine(bench, FrozenClock(bench.clock.now_ms())).believes(), "it left no word in the record"


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, FAR_MS)), min_size=1, max_size=20))
def test_no_jump_is_believed_before_a_day_has_passed(turns: list[tuple[int, int]]) -> None:
    mark, now_ms, held_ms = Mark(NOW_MS), NOW_MS, HELD_MS
    for jump_ms, passes_ms in turns:
        before, jumped = mark, abs(jump_ms) > APART_MAX_MS
        held_ms = (0 if jumped else held_ms + jump_ms) + passes_ms
        now_ms += jump_ms + passes_ms
        mark = mark.next(now_ms, steady=not jumped)
        is_near = abs(now_ms - before.believed_ms) <= FAR_MS
        assert mark.believed_ms == before.believed_ms or is_near or held_ms >= HELD_MS
        assert mark.believed_ms in (before.believed_ms, now_ms)


def purge(bench: Keeping, *words: str) -> Any:
    return CliRunner().invoke(command, [*words, "--data-dir", str(bench.folder)])


def test_the_command_destroys_nothing_by_a_clock_that_nobody_confirmed(bench: Keeping) -> None:
    """To the record this machine's clock is years ahead."""
    now_ms = bench.clock.now_ms()
    bench.clock.at_ms = now_ms - 2_000 * DAY_MS
    refused = bench.decide("reject")
    assert "2 records would be disposed of" in purge(bench, "--dry-run").output
    assert isinstance(purge(bench).exception, ClockImplausibleError)
    assert not bench.is_gone(refused)
    assert purge(bench, "--clock-is-right").exit_code == 0
    assert bench.is_gone(refused)

"""Background work."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs
from support.service import Bench
from support.waiting import until

from cookiegate.clock import SystemClock
from cookiegate.errors import StorageError
from cookiegate.storage.cache.memory import MemoryCache
from cookiegate.web.chores import Chore, Chores
from cookiegate.web.leads import Leads

WAIT_S = 20.0


def chores_of(bench: Bench) -> Chores:
    """Those of another process on the same record."""
    return Chores(Leads(bench.service.storage, MemoryCache()))


def test_one_of_two_processes_does_a_chore(bench: Bench) -> None:
    done: dict[str, threading.Event] = {
        "first": threading.Event(),
        "second": threading.Event(),
        "own": threading.Event(),
    }
    first, second = chores_of(bench), chores_of(bench)
    first.start([Chore("sealing", 0.001, done["first"].set)])
    assert done["first"].wait(WAIT_S)
    second.start([Chore("sealing", 0.001, done["second"].set), Chore("local", 0.001, done["own"].set, leased=False)])
    assert done["own"].wait(WAIT_S)
    assert not done["second"].is_set()
    first.stop()
    second.stop()


@pytest.mark.parametrize("error", [StorageError("away"), ValueError("a mistake")])
def test_a_chore_that_failed_comes_back(bench: Bench, error: Exception) -> None:
    again = threading.Event()
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise error
        again.set()

    chores = chores_of(bench)
    chores.start([Chore("deliveries", 0.001, work)])
    assert again.wait(WAIT_S)
    chores.stop()


def test_a_row_of_failures_is_told_once_and_so_is_its_end(bench: Bench) -> None:
    again = threading.Event()
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) <= 30:
            raise StorageError("away", cause="SQLITE_FULL")
        if len(turns) == 33:
            again.set()

    chores = chores_of(bench)
    with capture_logs() as told:
        chores.start([Chore("tidy", 0.001, work, leased=False)])
        assert again.wait(WAIT_S)
        chores.stop()
    assert [(line["event"], line.get("cause")) for line in told] == [
        ("chore_failed", "SQLITE_FULL"),
        ("chore_works_again", None),
    ]


def test_what_destroys_by_age_is_left_undone_and_to_others_while_the_clock_is_not_believed(bench: Bench) -> None:
    bench.service.believed.look()
    bench.clock.advance(3_650 * 86_400)
    here = Chores(Leads(bench.service.storage, MemoryCache()), bench.service.believed.insist)
    purged, others = threading.Event(), threading.Event()
    turns: list[int] = []

    def count() -> None:
        turns.append(1)
        if len(turns) == 20:
            others.set()

    with capture_logs() as told:
        here.start([Chore("purge", 0.001, purged.set, by_time=True), Chore("deliver", 0.001, count)])
        assert others.wait(WAIT_S)
        until(lambda: told)
    assert not purged.is_set()
    assert {(line["chore"], line["code"]) for line in told} == {("purge", "clock_implausible")}
    assert Leads(bench.service.storage, MemoryCache()).take("purge"), "another process, whose clock is right"
    here.stop()


def test_everything_that_destroys_by_age_asks_for_the_clock(bench: Bench) -> None:
    by_time = {chore.name for chore in bench.service.chores if chore.by_time}
    assert by_time == {"purge", "identity-documents", "tidy-deliveries"}


def test_operators_are_told_of_a_clock_that_is_not_believed_once(bench: Bench) -> None:
    (watch,) = [chore.work for chore in bench.service.chores if chore.name == "clock"]
    bench.clock.at_ms = SystemClock().now_ms()  # PostgreSQL's
    bench.service.believed.confirm()
    with capture_logs() as told:
        for seconds in (60, 3_650 * 86_400, 60, -3_650 * 86_400, 60):
            bench.clock.advance(seconds)
            watch()
    assert [line["event"] for line in told] == ["clock_implausible", "clock_believed"]
    assert "nothing is destroyed" in told[0]["reason"]

"""Background work."""

from __future__ import annotations

import threading

import pytest
from support.service import Bench

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

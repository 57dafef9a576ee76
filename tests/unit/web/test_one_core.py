"""The core on which a process answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from cookiegate.web.one_core import OneCore, busy_cores, one_core

T = TypeVar("T")
HERE = sorted(os.sched_getaffinity(0))
several = pytest.mark.skipif(len(HERE) < 2, reason="one core is no choice")


def in_thread(work: Callable[[], T]) -> T:
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def where() -> set[int]:
    return os.sched_getaffinity(0)


@several
def test_who_answers_sits_on_the_core_and_nobody_else() -> None:
    core = OneCore(HERE)
    app = core.seated(lambda environ, start_response: [str(sorted(where())).encode()])
    assert in_thread(lambda: app({}, lambda *_: None)) == [str([core.core]).encode()]
    assert in_thread(where) == set(HERE)


@several
def test_who_wakes_up_there_pushes_nobody_aside() -> None:
    core = OneCore(HERE)

    def policy() -> int:
        core.sit()
        return os.sched_getscheduler(0)

    assert in_thread(policy) == os.SCHED_BATCH
    assert in_thread(lambda: os.sched_getscheduler(0)) == os.SCHED_OTHER


@several
def test_a_core_that_others_crowd_is_left_after_a_second_look() -> None:
    busy = dict.fromkeys(HERE, 0.0)
    core = OneCore(HERE, lambda: dict(busy))
    first = core.core
    seated, moved = threading.Event(), threading.Event()
    found: list[set[int]] = []

    def sit() -> None:
        core.sit()
        seated.set()
        moved.wait(20)
        found.append(where())

    thread = threading.Thread(target=sit)
    thread.start()
    seated.wait(20)
    core.look_around()
    for _ in range(2):
        assert core.core == first
        busy[first] += 1_000.0
        core.look_around()
    moved.set()
    thread.join()
    assert core.core != first
    assert found == [{core.core}]


@several
def test_its_own_work_crowds_nobody() -> None:
    busy = dict.fromkeys(HERE, 0.0)
    core = OneCore(HERE, lambda: dict(busy))
    first = core.core
    for _ in range(4):
        core.look_around()
    assert core.core == first


def test_a_machine_that_does_not_tell_is_stayed_on() -> None:
    def refuse() -> dict[int, float]:
        raise PermissionError

    core = OneCore([0], refuse)
    core.look_around()
    assert core.core == 0


@several
def test_the_system_tells_what_its_cores_do() -> None:
    assert set(HERE) <= set(busy_cores())
    chosen = one_core()
    assert chosen is not None
    assert chosen.core in HERE

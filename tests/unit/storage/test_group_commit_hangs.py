"""A commit that does not end holds the thread that leads, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.waiting import until

from cookiegate.errors import StorageError
from cookiegate.storage.group_commit import GroupCommit
from cookiegate.storage.patience import OUT_OF_REACH, RESERVED, UNKNOWN, Patience

WHOLE_S, SHORT_S = 0.3, 0.05


class Hanging:
    """A disk whose syncs, while it ``hangs``, end when they are let go, one by one.

    ``kept`` is what was committed, ``syncs`` counts those that began.
    """

    def __init__(self) -> None:
        self.hangs = False
        self.syncs = 0
        self.kept: list[str] = []
        self._let_go = threading.Semaphore(0)
        self._batch: list[str] = []

    def begin(self) -> None:
        self._batch = []

    def run(self, work: Callable[[Any], Any]) -> Any:
        return work(self._batch.append)

    def commit(self) -> None:
        self.syncs += 1
        if self.hangs:
            assert self._let_go.acquire(timeout=30)
        self.kept += self._batch

    def abandon(self) -> None:
        """Nothing to do."""

    def let_go(self, syncs: int = 1) -> None:
        """So many syncs end."""
        self._let_go.release(syncs)


class Writers:
    """Threads that write, and what each was told."""

    def __init__(self, patience: Patience) -> None:
        self.disk = Hanging()
        self.group = GroupCommit(self.disk, gather_s=0, patience=patience)
        self.told: dict[str, str] = {}
        self._threads: list[threading.Thread] = []

    def write(self, name: str) -> None:
        """Writes in this thread."""
        try:
            self.group.write(lambda add: add(name))
            self.told[name] = "kept"
        except StorageError as error:
            self.told[name] = error.detail

    def aside(self, *names: str) -> None:
        """Writes in threads of their own, one after the other."""
        for name in names:
            thread = threading.Thread(target=self.write, args=(name,))
            thread.start()
            self._threads.append(thread)
            until(lambda name=name, me=thread.ident: name in self.told or me in self.group._patience._began)

    def hang(self, leader: str) -> None:
        """From now on ``leader`` is at a sync that does not end."""
        self.disk.hangs = True
        self.aside(leader)
        until(lambda: self.disk.syncs == 1)

    def end(self) -> None:
        """The disk goes on."""
        self.disk.hangs = False
        self.disk.let_go(100)
        for thread in self._threads:
            thread.join()


@pytest.fixture
def writers() -> Iterator[Writers]:
    found = Writers(Patience(whole_s=WHOLE_S, short_s=SHORT_S))
    yield found
    found.end()


def test_who_waits_behind_a_sync_that_does_not_end_is_refused_and_the_next_at_once(writers: Writers) -> None:
    writers.hang("leader")
    writers.aside("first", "second")
    until(lambda: len(writers.told) == 2)
    assert writers.told == {"first": OUT_OF_REACH, "second": OUT_OF_REACH}
    writers.group._patience.whole_s = 600  # longer than a test may last: it does not wait
    writers.write("third")
    assert writers.told["third"] == OUT_OF_REACH
    writers.end()
    assert writers.told["leader"] == "kept"
    writers.write("after it")
    assert writers.disk.kept == ["leader", "after it"]


def test_who_is_part_of_it_is_told_that_nobody_knows() -> None:
    writers = Writers(Patience(whole_s=1.0))
    writers.hang("leader")
    writers.aside("next leader", "part")
    writers.disk.let_go()
    until(lambda: writers.disk.syncs == 2)
    until(lambda: "part" in writers.told)
    writers.end()
    assert writers.told == {"leader": "kept", "part": UNKNOWN, "next leader": "kept"}
    assert writers.disk.kept == ["leader", "next leader", "part"]


def test_a_work_that_was_left_before_it_was_begun_never_is(writers: Writers) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(add: Callable[[str], None]) -> None:
        begun.set()
        assert goes_on.wait(30)
        add("slow")

    writers.hang("one before")
    leader = threading.Thread(target=writers.group.write, args=(slow,))
    leader.start()
    until(lambda: len(writers.group._waiting) == 1)
    writers.aside("left")
    writers.disk.let_go()
    assert begun.wait(30)  # in one batch with what is left
    until(lambda: "left" in writers.told)
    goes_on.set()
    writers.end()
    leader.join()
    assert writers.told["left"] == OUT_OF_REACH
    assert writers.disk.kept == ["one before", "slow"]


def test_a_leader_that_is_slow_but_at_work_is_waited_for() -> None:
    writers, steps = Writers(Patience(whole_s=1.0)), threading.Semaphore(0)

    def step(add: Callable[[str], None]) -> None:
        assert steps.acquire(timeout=30)
        add("step")

    writers.hang("one before")
    slow = [threading.Thread(target=writers.group.write, args=(step,)) for _ in range(5)]
    for thread in slow:
        thread.start()
    until(lambda: len(writers.group._waiting) == len(slow))
    writers.disk.let_go()
    for _ in slow:
        threading.Event().wait(0.3)  # together longer than anybody's patience
        steps.release()
    writers.end()
    for thread in slow:
        thread.join()
    assert writers.disk.kept == ["one before", *["step"] * len(slow)]


def test_so_many_threads_wait_at_most_and_the_rest_are_soon_free() -> None:
    writers = Writers(Patience(RESERVED + 3, whole_s=30, short_s=SHORT_S))
    writers.hang("leader")
    writers.aside("first", "second")
    writers.aside("reserved")
    until(lambda: "reserved" in writers.told)
    writers.write("at once")
    assert writers.told == {"reserved": OUT_OF_REACH, "at once": OUT_OF_REACH}
    writers.end()
    assert {writers.told[name] for name in ("leader", "first", "second")} == {"kept"}
    writers.write("after it")
    assert writers.told["after it"] == "kept"

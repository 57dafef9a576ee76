"""What the units of a commit do when it is durable: together, each once, and never in the way of another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.waiting import until

from cookiegate.errors import StorageError
from cookiegate.storage.group_commit import GroupCommit


class Disk:
    """Its first commit ends when it is let go; ``fails`` makes all later ones fail."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.fails = False
        self._commits = 0

    def begin(self) -> None:
        """Nothing to do."""

    def run(self, work: Callable[[Any], Any]) -> Any:
        return work(None)

    def commit(self) -> None:
        assert self.let_go.wait(30)
        self._commits += 1
        if self.fails and self._commits > 1:
            raise StorageError("the disk is full")

    def abandon(self) -> None:
        """Nothing to do."""


class Unit:
    """Writes down what happens to it, and in which thread it is followed up."""

    def __init__(self, name: str, said: list[str], fault: str = "") -> None:
        self.name, self.said, self.fault = name, said, fault
        self.thread: int | None = None

    def __call__(self, _transaction: None) -> str:
        if self.fault == "run":
            raise ValueError("the unit's own")
        return f"result of {self.name}"

    def follow_up(self, result: Any) -> Callable[[], object]:
        assert result == f"result of {self.name}"
        self.thread = threading.get_ident()
        self.said.append(f"begun {self.name}")
        if self.fault == "begin":
            raise ValueError("cannot begin")

        def finish() -> None:
            self.said.append(f"done {self.name}")
            if self.fault == "finish":
                raise ValueError("cannot finish")

        return finish


class Writers:
    """A commit that is held, and units that wait to share the next one."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.group = GroupCommit(self.disk, gather_s=0)
        self.told: dict[str, Any] = {}
        self._threads = [threading.Thread(target=self.group.write, args=(lambda _: None,))]
        self._threads[0].start()
        until(lambda: self.group._led)

    def add(self, unit: Unit) -> None:
        """A unit in a thread of its own, behind the others."""
        thread = threading.Thread(target=self._write, args=(unit,))
        self._threads.append(thread)
        thread.start()
        until(lambda: len(self.group._waiting) == len(self._threads) - 1)

    def _write(self, unit: Unit) -> None:
        try:
            self.told[unit.name] = self.group.write(unit)
        except (StorageError, ValueError) as error:
            self.told[unit.name] = type(error).__name__

    def go(self) -> None:
        """Lets the commits end, and waits for every thread."""
        self.disk.let_go.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def writers() -> Writers:
    return Writers()


def test_units_begin_one_after_the_other_and_then_finish_one_after_the_other(writers: Writers) -> None:
    said: list[str] = []
    units = [Unit(name, said) for name in "abc"]
    for unit in units:
        writers.add(unit)
    writers.go()
    assert said == ["begun a", "begun b", "begun c", "done a", "done b", "done c"]
    assert len({unit.thread for unit in units}) == 1
    assert writers.told == {name: f"result of {name}" for name in "abc"}


@pytest.mark.parametrize("fault", ["begin", "finish"])
def test_a_follow_up_that_fails_fails_nobody(writers: Writers, fault: str) -> None:
    said: list[str] = []
    for name in "abc":
        writers.add(Unit(name, said, fault if name == "b" else ""))
    writers.go()
    assert {"done a", "done c"} <= set(said)
    assert writers.told == {name: f"result of {name}" for name in "abc"}


def test_what_was_not_kept_is_not_followed_up(writers: Writers) -> None:
    said: list[str] = []
    writers.add(Unit("a", said, "run"))
    writers.add(Unit("b", said))
    writers.go()
    assert said == ["begun b", "done b"]
    assert writers.told == {"a": "ValueError", "b": "result of b"}


def test_a_commit_that_fails_is_followed_up_by_nobody(writers: Writers) -> None:
    said: list[str] = []
    writers.add(Unit("a", said))
    writers.disk.fails = True
    writers.go()
    assert said == []
    assert writers.told == {"a": "StorageError"}

"""While no transaction can begin, one thread waits for it, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.waiting import until

from cookiegate.errors import StorageError
from cookiegate.storage.group_commit import GroupCommit


class Held:
    """A record whose lock somebody else has, until ``freed``. ``tries`` counts how often it was asked for."""

    def __init__(self) -> None:
        self.is_free = False
        self.tries = 0
        self.gives_up = threading.Event()

    def begin(self) -> None:
        self.tries += 1
        if not self.is_free:
            self.gives_up.wait(30)
            raise StorageError("somebody else has the lock")

    def run(self, work: Callable[[Any], Any]) -> Any:
        return work(None)

    def commit(self) -> None:
        """Nothing to do."""

    def abandon(self) -> None:
        """Nothing to do."""


def write_aside(group: GroupCommit, verdicts: list[str]) -> threading.Thread:
    """Writes in a thread of its own; what became of it."""

    def write() -> None:
        try:
            verdicts.append(str(group.write(lambda _: "kept")))
        except StorageError:
            verdicts.append("refused")

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_who_came_while_the_leader_waited_is_refused_with_it_and_the_next_at_once() -> None:
    held, verdicts = Held(), list[str]()
    group = GroupCommit(held, gather_s=0)
    threads = [write_aside(group, verdicts)]
    until(lambda: held.tries == 1)
    threads += [write_aside(group, verdicts) for _ in range(3)]
    until(lambda: len(group._waiting) == 3)
    held.gives_up.set()
    for thread in threads:
        thread.join()
    assert verdicts == ["refused"] * 4
    assert held.tries == 1

    held.gives_up.clear()
    leader = write_aside(group, verdicts)
    until(lambda: held.tries == 2)
    with pytest.raises(StorageError):  # in this very thread: it does not wait
        group.write(lambda _: "kept")
    held.is_free = True
    held.gives_up.set()
    leader.join()
    assert group.write(lambda _: "kept") == "kept"
    assert group.write(lambda _: "kept again") == "kept again"

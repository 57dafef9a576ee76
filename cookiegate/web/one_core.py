"""Keeps the threads that answer on one core.

Only one thread of a Python process runs at a time. Left alone, the kernel spreads them over the cores, and whenever one
waits for a signature, a statement or the disk, the interpreter's lock goes to a core that sleeps and finds its caches
cold. On one core the next thread is simply the next to run: 1.7 times the decisions a second for half the processor
time, measured (docs/explanation/hot-path.md). What needs no interpreter, the server's own input and output, stays free.

A thread there that wakes up does not push the one aside that has the lock (``SCHED_BATCH``): it could only wait for it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cookiegate.web.front import StartResponse, WsgiApp

LOOK_EVERY_S = 1.0
#: How much more of a second other programs must have taken of our core than of the idlest, twice in a row, to move.
MOVE_SHARE = 0.25
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: Columns of ``/proc/stat`` in which a core does something: all but idle and waiting for disks.
_AT_WORK = (0, 1, 2, 5, 6, 7)


def busy_cores() -> dict[int, float]:
    """Seconds that each core has worked since the machine started."""
    seconds = {}
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            seconds[int(name[3:])] = sum(int(ticks[column]) for column in _AT_WORK) / _TICKS_PER_S
    return seconds


class OneCore:
    """The core of this process, and who sits on it. Where the system does not allow it, everything stays as it is.

    Args:
        cores: to choose from.
        read_busy: tells the seconds that each core has worked.
    """

    def __init__(self, cores: Iterable[int], read_busy: Callable[[], Mapping[int, float]] = busy_cores) -> None:
        self._cores = tuple(sorted(cores))
        self._read_busy = read_busy
        self._seated = threading.local()
        self._threads: set[int] = set()
        self._looks: tuple[float, float, Mapping[int, float]] | None = None
        self._crowded = 0
        #: Workers of one service begin on different cores.
        self.core = self._cores[os.getpid() % len(self._cores)]

    def sit(self) -> None:
        """Takes the calling thread to the core, the first time it calls."""
        if not hasattr(self._seated, "here"):
            self._seated.here = True
            self._threads.add(threading.get_native_id())
            with suppress(OSError):
                os.sched_setaffinity(0, {self.core})
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    def seated(self, app: WsgiApp) -> WsgiApp:
        """An application whose threads sit on the core."""

        seated = self._seated

        def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            if not hasattr(seated, "here"):
                self.sit()
            return app(environ, start_response)

        return answer

    def look_around(self) -> None:
        """Moves to an idler core when other programs crowd this one."""
        with suppress(OSError):
            now, own, busy = time.monotonic(), time.process_time(), self._read_busy()
            before, self._looks = self._looks, (now, own, busy)
            if before is None:
                return
            worked = {core: busy[core] - before[2].get(core, busy[core]) for core in self._cores if core in busy}
            if self.core in worked:
                worked[self.core] = max(0.0, worked[self.core] - (own - before[1]))
                idlest = min(worked, key=lambda core: worked[core])
                is_crowded = worked[self.core] - worked[idlest] > MOVE_SHARE * (now - before[0])
                self._crowded = self._crowded + 1 if is_crowded else 0
                if self._crowded > 1:
                    self._move(idlest)

    def _move(self, core: int) -> None:
        self.core, self._crowded = core, 0
        alive = {int(task.name) for task in Path("/proc/self/task").iterdir()}
        self._threads &= alive
        for thread in self._threads:
            with suppress(OSError):
                os.sched_setaffinity(thread, {core})


def one_core() -> OneCore | None:
    """The core for this process; None where there is nothing to choose, or the system knows no such thing."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = os.sched_getaffinity(0)
    return OneCore(cores) if len(cores) > 1 else None

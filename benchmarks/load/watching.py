"""How much memory and CPU a service and its workers take, read from /proc."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from benchmarks.load.tallies import Sample

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACE_S = 0.5


def tree(pid: int) -> list[int]:
    """A process and everything it started."""
    found = [pid]
    for parent in found:
        try:
            for task in (PROC / str(parent) / "task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # it ended meanwhile
    return found


def rss_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it ended."""
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def cpu_s(pid: int) -> float:
    """User and system time of one process with the children it waited for; 0 when it ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S


def look(pid: int) -> Sample:
    """One sample over the whole tree."""
    pids = tree(pid)
    return Sample(time.monotonic(), sum(map(rss_bytes, pids)), sum(map(cpu_s, pids)))


class Watch:
    """Samples a tree of processes twice a second until it is left: ``with Watch(pid) as watch: …; watch.samples``."""

    def __init__(self, pid: int) -> None:
        self.samples: list[Sample] = []
        self._pid = pid
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self.samples.append(look(self._pid))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()
        self.samples.append(look(self._pid))

    def _run(self) -> None:
        while not self._left.wait(PACE_S):
            self.samples.append(look(self._pid))

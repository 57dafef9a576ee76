"""The disk: full, failing, locked by somebody else."""

from __future__ import annotations

import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pysqlite3
from support.waiting import until

from faults.rows import row
from faults.stage import Stage

HEAL_S = 3.0
#: An act waits so long for the record at most, and a probe so long for the truth.
REFUSED_WITHIN_S = 2.0
PROBE_WITHIN_MS = 1_000
FIU = ("/usr/lib/fiu/fiu_run_preload.so", "/usr/lib/fiu/fiu_posix_preload.so")


def suffer(
    stage: Stage,
    fault: Callable[[], object],
    heal: Callable[[], object],
    *,
    hold_s: float,
    heal_s: float = HEAL_S,
    refused_within_s: float = REFUSED_WITHIN_S,
) -> None:
    """Lets a fault begin, last and end under load, and checks what everybody sees meanwhile.

    Acts are refused with 503 and ``Retry-After``, ``/readyz`` says so, pages go on; afterwards all heals by itself.
    """
    workers, refused = stage.target.workers(), stage.load.seen.refused
    began = time.monotonic()
    fault()
    threading.Event().wait(hold_s)
    seen = {
        "nothing was refused while the fault lasted": lambda: stage.load.seen.refused > refused,
        "/readyz did not say that the record cannot be written": lambda: 503 in stage.prober.answers("/readyz", began),
        "the banner was not served": lambda: 200 in stage.prober.answers("/w/demo.js", began + 0.5),
    }
    for problem, has_come in seen.items():
        try:
            until(has_come)
        except AssertionError:
            stage.must(False, problem)
    ended = time.monotonic()
    heal()
    stage.recovered(ended, heal_s)
    stage.load.wait_for(30, since_s=ended)
    stage.must(stage.target.workers() == workers, "the worker was started anew")
    stage.in_time("a refusal", stage.load.seen.slowest_refusal_s, refused_within_s + 0.5)
    stage.in_time("a probe of /readyz, in ms,", stage.prober.slowest_ms("/readyz"), PROBE_WITHIN_MS)


@row("disk-full", "disk full: a tmpfs without a free byte")
def disk_full(stage: Stage) -> None:
    """The data folder lies on a small file system of its own, which somebody else fills."""
    with tmpfs(stage.folder / "disk", "48m") as disk:
        (disk / "data").mkdir(mode=0o700)
        stage.prepare(data=disk / "data")
        try:
            stage.begin()
            filler = disk / "filler"
            suffer(stage, lambda: fill(filler), filler.unlink, hold_s=stage.long(6, 1.5))
            stage.check()
        finally:
            stage.end()


@contextmanager
def tmpfs(place: Path, size: str) -> Iterator[Path]:
    """A file system in memory; needs root."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(filler: Path) -> None:
    """Takes every free byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


@row("file-limit", "disk full: RLIMIT_FSIZE")
def file_limit(stage: Stage) -> None:
    """No file of the service may grow any more."""
    stage.begin()

    def limit(size: int) -> None:
        for worker in stage.target.workers():
            _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, hard))

    suffer(stage, lambda: limit(4096), lambda: limit(resource.RLIM_INFINITY), hold_s=stage.long(6, 1.5))
    stage.check()


@row("io-error", "I/O error: libfiu lets fdatasync and writes fail")
def io_error(stage: Stage) -> None:
    """First every sync fails, then every write, then both, by a library in front of libc."""
    point = stage.folder / "fiu"
    # The control thread of libfiu does not outlive a fork: here the server's workers are started as new programs.
    (stage.folder / "sitecustomize.py").write_text(
        "import multiprocessing\nmultiprocessing.set_start_method('spawn', force=True)\n"
    )
    preload = " ".join(FIU)
    stage.prepare(LD_PRELOAD=preload, FIU_CTRL_FIFO=str(point), PYTHONPATH=str(stage.folder))
    stage.begin()

    def control(*commands: str) -> None:
        for worker in stage.target.workers():
            for command in commands:
                subprocess.run(
                    ["fiu-ctrl", "-f", str(point), "-c", command, str(worker)],
                    check=True,
                    capture_output=True,
                    timeout=10,
                )

    names = ("posix/io/sync/fdatasync", "posix/io/sync/fsync"), ("posix/io/rw/pwrite", "posix/io/rw/pwrite64")
    hold_s = stage.long(5, 1.5)
    for failing in names if stage.full else names[:1]:
        suffer(
            stage,
            lambda failing=failing: control(*(f"enable name={name},failinfo=5" for name in failing)),
            lambda failing=failing: control(*(f"disable name={name}" for name in failing)),
            hold_s=hold_s,
        )
    stage.check()


@row("database-locked", "database locked: a second BEGIN EXCLUSIVE")
def database_locked(stage: Stage) -> None:
    """Another program holds the file's lock."""
    stage.begin()
    lock = pysqlite3.connect(
        str(stage.target.data / "cookiegate.db"), isolation_level=None, timeout=10, check_same_thread=False
    )
    suffer(
        stage,
        lambda: lock.execute("BEGIN EXCLUSIVE"),
        lambda: lock.execute("ROLLBACK"),
        hold_s=stage.long(8, 3),
    )
    lock.close()
    stage.check()

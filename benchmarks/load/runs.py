"""One load of one set-up, from its first visitor to its last byte."""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from benchmarks.load.engines import SetUp
from benchmarks.load.tallies import Sample, Tally, read_tally
from benchmarks.load.watching import Watch
from benchmarks.load.world import make_world

SCRIPT = Path(__file__).with_name("mix.lua")
#: Of the time: what the service needs to come to its working size is not growth.
WARM_UP_SHARE = 0.2
#: What a process remembers of tokens and of its newest grants is full on any day but the first, so it is filled before
#: the time begins. Of each kind: the mix that fills it, the answer that counts, and how many of them a process keeps.
REMEMBERED = (("fill", ("gate granted", 204), 50_000), ("decision accept", ("decision accept", 201), 50_000))
FILL_SLICE_S = 5
FILL_SHARE = 0.4
TIMEOUT_S = 30
WITHDRAWN = 256
SEALING_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, by how many clients, by how many visitors."""

    seconds: int = 300
    paced_seconds: int = 30
    connections: int = 64
    visitors: int = 4_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one set-up did.

    Sizes are bytes by table, ``filled`` the decisions before the time that they grew by, too. ``sealed_after_s``: when
    the last decision was in a signed checkpoint, from the end on.
    ``paced`` is the same mix at half the rate that the set-up could do.
    """

    name: str
    tally: Tally
    samples: list[Sample]
    warm_up_s: float
    before: Mapping[str, int]
    after: Mapping[str, int]
    filled: int
    decided: int
    sealed_after_s: float
    paced: Tally | None
    paced_rate: float

    @property
    def acknowledged(self) -> int:
        """Decisions that were answered as durable."""
        return self.tally.acknowledged()

    @property
    def rate(self) -> float:
        """Answers per second over the whole time."""
        return self.tally.answered / self.tally.lasted_s

    @property
    def errors(self) -> int:
        """Of both runs."""
        return self.tally.errors + (self.paced.errors if self.paced else 0)

    def unexpected(self) -> dict[str, int]:
        """What should not have come, and how often."""
        found: dict[str, int] = {}
        for tally in filter(None, (self.tally, self.paced)):
            for (what, status), count in tally.unexpected.items():
                found[f"{what}: {status}"] = found.get(f"{what}: {status}", 0) + count
            for name, count in tally.socket.items():
                if count:
                    found[f"connection: {name}"] = found.get(f"connection: {name}", 0) + count
        return found

    @property
    def lost(self) -> int:
        """Acknowledged decisions that the record does not have."""
        return max(0, self.acknowledged - self.decided)

    def bytes_per_decision(self) -> dict[str, float]:
        """What each table grew by, for one decision."""
        return {
            name: (size - self.before.get(name, 0)) / max(1, self.filled + self.decided)
            for name, size in self.after.items()
            if size > self.before.get(name, 0)
        }


def load(set_up: SetUp, folder: Path, plan: Plan) -> Loaded:
    """Loads one set-up: makes the visitors, measures, and looks at what is left.

    Args:
        set_up: not started.
        folder: an empty one, for the script's files.
        plan: how much.
    """
    people(set_up, folder, plan)
    set_up.service.stop()
    before, decided_first = set_up.sizes(), set_up.record.decisions()
    set_up.service.start()
    traffic = Traffic(set_up.service.port, folder, plan.connections)
    fills = [
        traffic.fill(mix, answer, kept * set_up.service.workers, round(plan.seconds * FILL_SHARE))
        for mix, answer, kept in REMEMBERED
    ]
    decided_before = set_up.record.decisions()
    warm_up_s = plan.seconds * WARM_UP_SHARE
    with Watch(set_up.service.pid) as watch:
        tally = traffic.drive(plan.seconds, warm_up_s=warm_up_s)
    for fill in fills:
        tally.add_faults(fill)
    sealed_after_s = wait_until_sealed(set_up.service.port, decided_before + tally.acknowledged())
    set_up.service.stop()
    after, filled, decided = set_up.sizes(), decided_before - decided_first, set_up.record.decisions() - decided_before
    rate = tally.answered / tally.lasted_s / 2
    paced = None
    if plan.paced_seconds:
        paced = _paced(set_up, folder / "paced", plan, rate)
    return Loaded(
        set_up.name, tally, watch.samples, warm_up_s, before, after, filled, decided, sealed_after_s, paced, rate
    )


def people(set_up: SetUp, folder: Path, plan: Plan) -> None:
    """Starts the service, makes its visitors, and waits until the ledger has them."""
    set_up.service.start()
    ended = min(WITHDRAWN, plan.visitors)
    world = make_world(set_up.service.port, visitors=plan.visitors, withdrawn=ended)
    world.write(folder, plan.connections)
    wait_until_sealed(set_up.service.port, plan.visitors + 2 * ended)


def wait_until_sealed(port: int, entries: int) -> float:
    """Waits until a signed checkpoint covers so many entries, and gives the seconds that it took.

    Raises:
        RuntimeError: it does not come.
    """
    started = time.monotonic()
    while sealed_entries(port) < entries:
        if time.monotonic() - started > SEALING_LIMIT_S:
            raise RuntimeError(f"only {sealed_entries(port)} of {entries} entries are sealed")
        time.sleep(0.2)
    return time.monotonic() - started


def sealed_entries(port: int) -> int:
    """The size of the newest checkpoint: the second line of the note."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ledger/checkpoint", timeout=10) as answer:
            return int(answer.read().split(b"\n")[1])
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.CONFLICT:  # not_sealed_yet
            return 0
        raise


def _paced(set_up: SetUp, folder: Path, plan: Plan, rate: float) -> Tally:
    """With visitors of its own: the first run's ended some consents, and this one must know which hold."""
    folder.mkdir()
    people(set_up, folder, plan)
    warm_up_s = plan.paced_seconds * WARM_UP_SHARE
    tally = Traffic(set_up.service.port, folder, plan.connections).drive(
        plan.paced_seconds, warm_up_s=warm_up_s, rate=rate
    )
    set_up.service.stop()
    return tally


@dataclass(frozen=True, slots=True)
class Traffic:
    """wrk with the script of mixed traffic, against one port, with a world that was written into ``folder``."""

    port: int
    folder: Path
    connections: int

    def fill(self, mix: str, answer: tuple[str, int], enough: int, seconds: int) -> Tally:
        """Sends a mix until so many such answers came, for at most so many seconds."""
        whole = Tally()
        ends_at = time.monotonic() + seconds
        while whole.answers.get(answer, 0) < enough and time.monotonic() < ends_at:
            whole.add(self.drive(FILL_SLICE_S if seconds > FILL_SLICE_S else 1, mix=mix))
        return whole

    def drive(self, seconds: int, *, warm_up_s: float = 0, rate: float = 0, mix: str = "site") -> Tally:
        """Sends the mix: ``rate`` requests a second, or as many as go.

        Raises:
            RuntimeError: wrk did not run.
        """
        asked = {
            "FOLDER": str(self.folder),
            "RUN": secrets.token_hex(8),
            "SEED": str(secrets.randbelow(10_000)),
            "CONNECTIONS": str(self.connections),
            "WARM_UP_S": str(warm_up_s),
            "RATE": str(rate),
            "MIX": mix,
        }
        command = ["wrk", f"-t{self.connections}", f"-c{self.connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s"]
        command += ["-s", str(SCRIPT), f"http://127.0.0.1:{self.port}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        # What it shows of an answer may be packed.
        shown = {"capture_output": True, "text": True, "errors": "replace"}
        done = subprocess.run(command, env={**os.environ, **asked}, check=False, **shown)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.stderr:
            print(done.stderr, flush=True)
        if done.returncode:
            raise RuntimeError(f"wrk stopped with {done.returncode}: {done.stdout}")
        tally = read_tally(done.stdout)
        tally.generator_cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return tally

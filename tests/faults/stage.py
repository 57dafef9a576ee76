"""What every row of the fault table has: a service under load, a prober, and the checks at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.waiting import until

from faults.checking import Checked, check_gates, check_record
from faults.journal import Journal
from faults.load import Load
from faults.probing import CHECK, Prober
from faults.target import Target


@dataclass(slots=True)
class Outcome:
    """A row's line. ``problems`` must never be; ``late`` says which time was too long."""

    row: str
    engine: str
    acknowledged: int
    found: int
    lost: int
    re_granted: int
    recovery_s: float | None
    probe_p99_ms: float | None
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, undone or broken, however long it took."""
        return not self.lost and not self.re_granted and not self.problems

    @property
    def passed(self) -> bool:
        """Whether it holds and came in time."""
        return self.holds and not self.late


class Stage:
    """One row being played.

    Args:
        row: its name.
        engine: ``sqlite`` or ``postgresql``.
        folder: for everything.
        full: whether it is played at its full length, or in the short form of the everyday tests.
        env: the engine's variables.
    """

    def __init__(self, row: str, engine: str, folder: Path, *, full: bool, env: Mapping[str, str]) -> None:
        self.row = row
        self.engine = engine
        self.folder = folder
        self.full = full
        self.env = dict(env)
        self.journal = Journal(folder / "journal.jsonl")
        self.checked = Checked()
        self.recovery_s: float | None = None
        self.late: list[str] = []
        self.notes: list[str] = []
        self._target: Target | None = None
        self._load: Load | None = None
        self._prober: Prober | None = None
        self._began = time.monotonic()

    @property
    def target(self) -> Target:
        """The service."""
        assert self._target is not None
        return self._target

    @property
    def load(self) -> Load:
        """Its clients."""
        assert self._load is not None
        return self._load

    @property
    def prober(self) -> Prober:
        """Who asks whether it is there."""
        assert self._prober is not None
        return self._prober

    def long(self, full_s: float, short_s: float) -> float:
        """A duration for this form of the row."""
        return full_s if self.full else short_s

    def prepare(self, *, data: Path | None = None, **env: str) -> Target:
        """A service that is not started yet."""
        self._target = Target(self.folder, data=data, env={**self.env, **env})
        return self._target

    def begin(self, *, clients: int = 4, pace_s: float = 0.0, acts: int = 40, grace_s: float = 0.0) -> None:
        """Starts the service if it does not run, its clients and its prober, and waits until it works."""
        if self._target is None:
            self.prepare()
        if not self.target.is_running:
            self.target.start()
        self._load = Load(self.target, self.journal, clients=clients, pace_s=pace_s).start()
        self._prober = Prober(self.target, self.journal, grace_s=grace_s).start()
        self.load.wait_for(acts)

    def recovered(self, since_s: float, within_s: float, *, deadline_s: float = 60.0) -> float:
        """Waits for the first act that was sent and taken after an instant; notes how long that took."""
        took = self.load.wait_for(1, since_s=since_s, deadline_s=deadline_s) - since_s
        self.recovery_s = max(self.recovery_s or 0.0, took)
        self.in_time("recovery", took, within_s)
        return took

    def gates_open(self, since_s: float, within_s: float) -> None:
        """Waits until a token that holds passes again; a gate that may have missed a withdrawal lets nothing pass."""
        until(self._passes)
        self.in_time("the gates' recovery", time.monotonic() - since_s, within_s)

    def _passes(self) -> bool:
        """Whether the newest token that nobody has ended passes."""
        ended = set(self.journal.ended)
        newest = next(told.token for told in reversed(self.journal.told) if told.token and told.token not in ended)
        return self.target.ask("GET", CHECK, X_Consent_Token=newest).status != 401

    def in_time(self, what: str, took_s: float, within_s: float) -> None:
        """Notes what took too long."""
        if took_s > within_s:
            self.late.append(f"{what} took {took_s:.2f} s, at most {within_s:g} s are allowed")

    def must(self, holds: object, problem: str) -> None:
        """Notes what must not be."""
        if not holds:
            self.checked.problems.append(problem)

    def end_load(self) -> None:
        """Stops the clients and the prober."""
        if self._load is not None:
            self._load.stop()
            self.checked.problems += self._load.seen.problems[:5]
        if self._prober is not None:
            self._prober.stop()
            self.checked.re_granted += len(set(self._prober.passed))

    def check(self, *, gates: bool = True) -> None:
        """Ends the load; asks the gates while the service still runs, ends it, and reads its record."""
        self.end_load()
        if gates:
            check_gates(self.target, self.journal, self.checked)
        self.target.stop()
        check_record(self.target, self.journal, self.checked)

    def end(self) -> None:
        """Ends whatever still runs."""
        if self._load is not None:
            self._load.stop()
        if self._prober is not None:
            self._prober.stop()
        if self._target is not None:
            self._target.kill()

    def close(self) -> None:
        """Ends everything and lets go of the journal."""
        self.end()
        self.journal.close()

    def outcome(self) -> Outcome:
        """The line."""
        checked = self.checked
        return Outcome(
            row=self.row,
            engine=self.engine,
            acknowledged=checked.acknowledged,
            found=checked.found,
            lost=checked.lost,
            re_granted=checked.re_granted,
            recovery_s=self.recovery_s,
            probe_p99_ms=self._prober.p99_ms() if self._prober else None,
            problems=checked.problems,
            late=self.late,
            notes=self.notes,
            seconds=time.monotonic() - self._began,
        )

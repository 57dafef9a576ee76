"""What one request of each kind costs a real service: CPU, bytes of HTTP, and what the record grows by."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cost.month import DECISIONS, PER_VISITOR, Cost
from benchmarks.load.engines import SET_UPS, PostgresRecord, SetUp
from benchmarks.load.runs import Plan, Traffic, people, wait_until_sealed
from benchmarks.load.tallies import Tally
from benchmarks.load.watching import look

VISITORS = 2_000
CONNECTIONS = 32
ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class EngineCosts:
    """One engine: what each request costs, and the bytes by table that an accepting decision leaves."""

    name: str
    costs: Mapping[str, Cost]
    tables: Mapping[str, float]
    written_bytes: float


def cost_of(engine: str, seconds: int) -> EngineCosts:
    """Measures one engine of :data:`SET_UPS`.

    Args:
        engine: its key.
        seconds: for each kind of request.

    Raises:
        RuntimeError: something was answered as it should not be.
    """
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        traffic_folder = folder / "traffic"
        traffic_folder.mkdir()
        with SET_UPS[engine](folder) as set_up:
            people(set_up, traffic_folder, Plan(connections=CONNECTIONS, visitors=VISITORS))
            meter = _Meter(set_up, Traffic(set_up.service.port, traffic_folder, CONNECTIONS), seconds)
            costs = {what: meter.ask(what) for what in PER_VISITOR if what not in DECISIONS}
            tables: Mapping[str, float] = {}
            written = 0.0
            for what in DECISIONS:
                costs[what], grown, log = meter.decide(what)
                if what == "decision accept":
                    tables, written = grown, log
            return EngineCosts(set_up.name, costs, tables, written)


class _Meter:
    """Asks for one kind of request at a time, and reads what it cost."""

    def __init__(self, set_up: SetUp, traffic: Traffic, seconds: int) -> None:
        self._set_up = set_up
        self._traffic = traffic
        self._seconds = seconds

    def ask(self, what: str) -> Cost:
        """One kind that leaves nothing behind."""
        return self._run(what)[0]

    def decide(self, what: str) -> tuple[Cost, Mapping[str, float], float]:
        """One kind of decision: its cost, the growth of each table, and the bytes of the write-ahead log."""
        self._set_up.service.stop()
        before, rows_before = self._set_up.sizes(), self._set_up.record.decisions()
        self._set_up.service.start()
        self._traffic.drive(1, mix="token refresh")  # it has settled
        log_before = self._written()
        cost, tally = self._run(what)
        wait_until_sealed(self._set_up.service.port, rows_before + tally.acknowledged())
        log = self._written() - log_before
        self._set_up.service.stop()
        decided = self._set_up.record.decisions() - rows_before
        grown = {
            name: (size - before.get(name, 0)) / decided
            for name, size in self._set_up.sizes().items()
            if size > before.get(name, 0)
        }
        self._set_up.service.start()
        passing = grown.get(ANSWERS, 0.0)
        kept = sum(grown.values()) - passing
        whole = Cost(cost.cpu_us, cost.database_cpu_us, cost.sent_bytes, cost.received_bytes, kept, passing)
        return whole, grown, log / decided

    def _run(self, what: str) -> tuple[Cost, Tally]:
        ours, theirs = self._cpu()
        tally = self._traffic.drive(self._seconds, mix=what)
        ours_after, theirs_after = self._cpu()
        if tally.errors:
            raise RuntimeError(f"{what}: {tally.unexpected} {tally.socket}")
        count = tally.answered
        return Cost(
            cpu_us=(ours_after - ours) / count * 1e6,
            database_cpu_us=(theirs_after - theirs) / count * 1e6,
            sent_bytes=tally.sent_bytes / count,
            received_bytes=tally.received_bytes / count,
        ), tally

    def _cpu(self) -> tuple[float, float]:
        record = self._set_up.record
        database = look(record.pid()).cpu_s if isinstance(record, PostgresRecord) else 0.0
        return look(self._set_up.service.pid).cpu_s, database

    def _written(self) -> int:
        record = self._set_up.record
        return record.written_bytes() if isinstance(record, PostgresRecord) else 0

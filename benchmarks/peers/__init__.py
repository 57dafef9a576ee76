"""Consent writes: ours against the quickest peer backend, c15t, each as its makers set it up, in one run."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.postgres import PostgresServer

from benchmarks.load.engines import DATABASE, postgres_record
from benchmarks.load.tallies import table
from benchmarks.load.watching import cpu_s, tree
from benchmarks.measuring import Measured, interleave, read_wrk, show
from benchmarks.pages import COST_PAGE, write_block
from benchmarks.peers.servers import HERE, Writer, install, ours, peer

AIM_RATIO = 20
PEER_CLIENTS = 16
OUR_CLIENTS = 64
TIMEOUT_S = 60
#: Rows on both sides when a table begins; the first is that of new tables.
SIZES = (0, 10_000, 100_000, 300_000)
SAID = """
What one acknowledged write is:
  c15t   subject, domain, policy, purposes and earlier consent looked up; a consent row in PostgreSQL, committed
         (fsync). No proof, no receipt, nothing that a gate could check; subject and time are what the client says.
  ours   validated choice; decision encrypted under the person's own key, ledger leaf, current consent and idempotency
         key in one transaction, committed (fsync); then the signed receipt and the signed token of the answer.
  floor  node and one INSERT with one index in PostgreSQL, committed (fsync): no consent logic at all.
"""


@dataclass(slots=True)
class Runs:
    """What one writer did, run by run; ``cpu_s`` is that of its servers, database included."""

    found: list[Measured] = field(default_factory=list)
    cpu_s: float = 0.0

    def add(self, measured: Measured, cpu: float) -> float:
        """Keeps a run and gives its rate."""
        self.found.append(measured)
        self.cpu_s += cpu
        return measured.rate

    def row(self, name: str, peer_rate: float) -> list[str]:
        """A line of the table: medians over the runs."""
        rate, p50, p99 = (
            statistics.median(getattr(run, what) for run in self.found) for what in ("rate", "p50_ms", "p99_ms")
        )
        cpu_ms = 1000 * self.cpu_s / sum(run.requests for run in self.found)
        return [name, f"{rate:,.0f}", f"{rate / peer_rate:,.1f}", f"{p50:,.1f}", f"{p99:,.1f}", f"{cpu_ms:,.2f}"]


@dataclass(frozen=True, slots=True)
class _Compared:
    """What came of one size: rates of the peer and of ours at its most clients, and the whole table."""

    rows: str
    theirs: float
    ours: float
    shown: str


def write(writer: Writer, clients: int, seconds: int, runs: Runs) -> float:
    """One run of one writer: consents per second."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s", "--latency"]
    before = _cpu_s(writer)
    done = subprocess.run(
        [*command, "-s", str(writer.script), writer.url],
        env=writer.environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return runs.add(read_wrk(done.stdout), _cpu_s(writer) - before)


def _cpu_s(writer: Writer) -> float:
    return sum(cpu_s(pid) for parent in writer.pids for pid in tree(parent))


def run(arguments: Sequence[str] = ()) -> None:
    """Prints rates, times, CPU and ratios, on new tables and with ever more rows on both sides.

    Args:
        arguments: as on the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="a run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"writes the tables into {COST_PAGE.name}")
    asked = parser.parse_args(list(arguments))
    version = install()
    found: list[_Compared] = []
    with (
        tempfile.TemporaryDirectory() as name,
        postgres_record() as record,
        peer(record.server.uri(DATABASE), record.pid()) as (theirs, floor),
    ):
        print(
            f"c15t backend {version} on PostgreSQL, ours on embedded SQLite; {asked.rounds} × {asked.seconds} s a run",
            SAID,
        )
        for size in SIZES:
            _fill_theirs(record.server, size)
            with ours(Path(name, str(size)), size) as mine:
                found.append(_compare(size, asked, theirs, floor, mine))
    summary = _summary(found)
    print(summary, flush=True)
    if asked.write:
        write_block(COST_PAGE, "peers", "\n\n".join([summary, *(each.shown for each in found)]))


def _fill_theirs(server: PostgresServer, size: int) -> None:
    """Brings the peer to so many consents."""
    count = int(server.ask("SELECT count(*) FROM consent", DATABASE)[0][0])
    if count < size:
        text = (HERE / "fill.sql").read_text(encoding="utf-8")
        server.ask(text.replace("FIRST", str(count + 1)).replace("LAST", str(size)), DATABASE)


def _summary(found: Sequence[_Compared]) -> str:
    """How the ratio grows with the rows."""
    head = ["rows on both sides", "c15t, writes/s", "ours, writes/s", "times c15t"]
    rows = [
        [each.rows, f"{each.theirs:,.0f}", f"{each.ours:,.0f}", f"{each.ours / each.theirs:,.1f}"] for each in found
    ]
    passed = next((each.rows for each in found if each.ours >= AIM_RATIO * each.theirs), None)
    said = f"{AIM_RATIO} times the peer is passed " + (
        f"at the latest with {passed}." if passed else "at none of these."
    )
    return f"{table([head, *rows])}\n\n{said}"


def _compare(size: int, asked: argparse.Namespace, theirs: Writer, floor: Writer, mine: Writer) -> _Compared:
    """Lets them take turns; prints what each did."""
    rows = f"{size:,} rows" if size else "new tables"
    contenders = {
        f"c15t, {PEER_CLIENTS} clients": (theirs, PEER_CLIENTS),
        f"ours, {PEER_CLIENTS} clients": (mine, PEER_CLIENTS),
        f"ours, {OUR_CLIENTS} clients": (mine, OUR_CLIENTS),
        f"floor, {PEER_CLIENTS} clients": (floor, PEER_CLIENTS),
    }
    runs = {name: Runs() for name in contenders}

    def turn(name: str) -> Callable[[], float]:
        writer, clients = contenders[name]
        return lambda: write(writer, clients, asked.seconds, runs[name])

    rates = interleave(asked.rounds, {name: turn(name) for name in contenders})
    peer_rate = rates[f"c15t, {PEER_CLIENTS} clients"]
    head = [f"consent writes, both on {rows}", "writes/s", "times c15t", "p50 ms", "p99 ms", "CPU ms a write"]
    shown = table([head, *(kept.row(name, peer_rate) for name, kept in runs.items())])
    print(shown, flush=True)
    for clients in (PEER_CLIENTS, OUR_CLIENTS):
        rate = rates[f"ours, {clients} clients"]
        show(f"durable decisions, {clients} clients", rate, "/s", f"c15t, {rows}/s", peer_rate, AIM_RATIO)
    print()
    return _Compared(rows, peer_rate, rates[f"ours, {OUR_CLIENTS} clients"], shown)

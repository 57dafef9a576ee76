"""What a decision, an event and a month of a million visitors cost, in bytes and CPU, on each engine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from benchmarks.cost.month import PEAK, PER_VISITOR, Cost, a_second, month_of
from benchmarks.cost.parts import decision_parts, event_cpu_us
from benchmarks.cost.requests import ANSWERS, EngineCosts, cost_of
from benchmarks.load.tallies import table
from benchmarks.pages import COST_PAGE, write_block

ENGINES = ("sqlite", "postgresql")
PART_DECISIONS = 6_000
#: Less than this is the database's own housekeeping.
LEAST_CPU_US = 3.0


def run(arguments: Sequence[str] = ()) -> None:
    """Prints the tables, and writes them into the page when asked to.

    Args:
        arguments: as on the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks cost", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="for each kind of request")
    parser.add_argument("--write", action="store_true", help=f"writes the tables into {COST_PAGE.name}")
    asked = parser.parse_args(list(arguments))
    engines = [cost_of(engine, asked.seconds) for engine in ENGINES]
    text = as_text(engines, decision_parts(PART_DECISIONS), event_cpu_us())
    print(text)
    if asked.write:
        write_block(COST_PAGE, "cost", text)


def as_text(engines: Sequence[EngineCosts], parts: Mapping[str, float], events: Mapping[str, float]) -> str:
    """All tables, as Markdown."""
    return "\n\n".join(
        [
            "### A request",
            _requests(engines),
            "### A decision: what stays of an acceptance",
            _tables(engines),
            "### A decision: where the CPU goes",
            _parts(engines[0], parts),
            "### An event",
            _events(engines[0], events),
            "### A million visitors a month",
            _months(engines),
            "### What one core does in a second",
            _limits(engines),
        ]
    )


def _requests(engines: Sequence[EngineCosts]) -> str:
    head = ["a request", "bytes in", "bytes out", *(f"CPU µs, {engine.name}" for engine in engines)]
    rows = [head]
    for what in PER_VISITOR:
        first = engines[0].costs[what]
        cpu = [_cpu(engine, what) for engine in engines]
        rows.append([what, f"{first.sent_bytes:,.0f}", f"{first.received_bytes:,.0f}", *cpu])
    return table(rows)


def _cpu(engine: EngineCosts, what: str) -> str:
    cost = engine.costs[what]
    return f"{cost.cpu_us:,.0f}" + (f" + {cost.database_cpu_us:,.0f}" if cost.database_cpu_us >= 0.5 else "")


def _tables(engines: Sequence[EngineCosts]) -> str:
    names = sorted({name for engine in engines for name, size in engine.tables.items() if size >= 1})
    names = [*(name for name in names if name != ANSWERS), ANSWERS]
    rows = [["bytes by table, with indexes", *(engine.name for engine in engines)]]
    for name in names:
        shown = f"{name} (kept for seven days)" if name == ANSWERS else name
        rows.append([shown, *(f"{engine.tables.get(name, 0):,.0f}" for engine in engines)])
    for title, what in (("kept for good", "decision accept"), ("a refusal, kept", "decision refuse")):
        rows.append([f"**{title}**", *(f"{engine.costs[what].kept_bytes:,.0f}" for engine in engines)])
    rows.append(["a change, kept", *(f"{engine.costs['decision change'].kept_bytes:,.0f}" for engine in engines)])
    rows.append(["write-ahead log, written", *(f"{engine.written_bytes or 0:,.0f}" for engine in engines)])
    return table(rows)


def _parts(engine: EngineCosts, parts: Mapping[str, float]) -> str:
    whole = engine.costs["decision accept"].cpu_us
    inside = sum(parts.values())
    rows = [["part of an acceptance", "CPU µs"], *([name, f"{spent:,.0f}"] for name, spent in parts.items())]
    rows.append(["the HTTP server, sockets, the sealer and other chores", f"{max(0.0, whole - inside):,.0f}"])
    return table([*rows, ["**all**", f"{max(whole, inside):,.0f}"]])


def _events(engine: EngineCosts, events: Mapping[str, float]) -> str:
    over_http = {"`/gate/check` over HTTP, tokens seen before": engine.costs["gate granted"].cpu_us}
    rows = [["an event through the gate", "CPU µs"]]
    return table([*rows, *([name, f"{spent:,.1f}"] for name, spent in {**events, **over_http}.items())])


def _months(engines: Sequence[EngineCosts]) -> str:
    months = [month_of(engine.costs) for engine in engines]
    rows = [["a million visitors a month", *(engine.name for engine in engines)]]
    for name, values in {
        "requests, millions": [f"{month.requests / 1e6:,.1f}" for month in months],
        f"requests a second in the busiest hour ({PEAK} times the average)": [
            f"{month.peak_requests_s:,.0f}" for month in months
        ],
        "CPU hours": [f"{month.cpu_hours:,.2f}" for month in months],
        "network, GB": [f"{month.network_gb:,.1f}" for month in months],
        "the record grows by, GB": [f"{month.kept_gb:,.2f}" for month in months],
        "answers of idempotency keys, GB at any time": [f"{month.passing_gb:,.2f}" for month in months],
        "cores in the busiest hour": [f"{month.peak_cores:,.3f}" for month in months],
        "visitors a month to a busy core, millions": [f"{month.visitors_a_core / 1e6:,.0f}" for month in months],
    }.items():
        rows.append([name, *values])
    return table(rows)


def _limits(engines: Sequence[EngineCosts]) -> str:
    head = ["one busy core, a second"]
    for engine in engines:
        head.append(f"{engine.name}: the service")
        if _has_server(engine):
            head.append(f"{engine.name}: the database")
    rows = [head]
    for name, shares in a_second().items():
        row = [name]
        for engine in engines:
            row.append(_a_second(_mean(engine.costs, shares, "cpu_us")))
            if _has_server(engine):
                row.append(_a_second(_mean(engine.costs, shares, "database_cpu_us")))
        rows.append(row)
    return table(rows)


def _has_server(engine: EngineCosts) -> bool:
    return any(cost.database_cpu_us for cost in engine.costs.values())


def _mean(costs: Mapping[str, Cost], shares: Mapping[str, float], field: str) -> float:
    return sum(share * float(getattr(costs[what], field)) for what, share in shares.items())


def _a_second(cpu_us: float) -> str:
    return f"{1e6 / cpu_us:,.0f}" if cpu_us >= LEAST_CPU_US else "not asked"

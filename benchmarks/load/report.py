"""What a load found, as a table to read and as JSON to keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.load.runs import Loaded
from benchmarks.load.tallies import WHOLE, Tally, cpu_share, growth_percent, table

GROWTH_AIM_PERCENT = 5.0
KINDS = ("widget", "token", "gate", "decision", "preferences")


def facts(loaded: Loaded) -> dict[str, Any]:
    """The figures of one set-up. Times in milliseconds, sizes in bytes."""
    end = loaded.samples[-1]
    return {
        "set_up": loaded.name,
        "requests_per_s": round(loaded.rate, 1),
        "times_ms": _times(loaded.tally),
        "half_rate": loaded.paced and {"requests_per_s": round(loaded.paced_rate, 1), "times_ms": _times(loaded.paced)},
        "errors": loaded.errors,
        "unexpected": loaded.unexpected(),
        "answers": {f"{what} {status}": count for (what, status), count in sorted(loaded.tally.answers.items())},
        "rss_bytes": end.rss_bytes,
        "rss_growth_percent": round(growth_percent(loaded.samples, loaded.warm_up_s), 2),
        "cpu_cores": round(cpu_share(loaded.samples, loaded.warm_up_s), 2),
        "generator_cores": round(loaded.tally.generator_cpu_s / loaded.tally.lasted_s, 2),
        "decisions_acknowledged": loaded.acknowledged,
        "decisions_lost": loaded.lost,
        "sealed_after_s": round(loaded.sealed_after_s, 1),
        "bytes_per_decision": {name: round(size, 1) for name, size in loaded.bytes_per_decision().items()},
    }


def _times(tally: Tally) -> dict[str, list[float]]:
    return {
        kind: [round(tally.percentile_ms(0.5, kind), 2), round(tally.percentile_ms(0.99, kind), 2)]
        for kind in (WHOLE, *KINDS)
        if tally.timed(kind)
    }


def as_text(found: Sequence[dict[str, Any]]) -> str:
    """Every set-up's figures, as Markdown tables."""
    return "\n\n".join([_speed(found), _cost(found), *_faults(found)])


def _speed(found: Sequence[dict[str, Any]]) -> str:
    head = ["mixed traffic", "requests/s", "p50 ms", "p99 ms", *(f"{kind} p99" for kind in KINDS)]
    rows = [head]
    for one in found:
        rows.append(_speed_row(f"{one['set_up']}, as much as goes", one["requests_per_s"], one["times_ms"]))
        if half := one["half_rate"]:
            rows.append(_speed_row(f"{one['set_up']}, at half of that", half["requests_per_s"], half["times_ms"]))
    return table(rows)


def _speed_row(name: str, rate: float, times: dict[str, list[float]]) -> list[str]:
    whole = times.get(WHOLE, [0.0, 0.0])
    by_kind = (f"{times[kind][1]:,.1f}" if kind in times else "" for kind in KINDS)
    return [name, f"{rate:,.0f}", f"{whole[0]:,.1f}", f"{whole[1]:,.1f}", *by_kind]


def _cost(found: Sequence[dict[str, Any]]) -> str:
    head = [
        "set-up",
        "errors",
        "lost",
        "RSS MB",
        "RSS growth %",
        "CPU cores",
        "wrk's cores",
        "decisions",
        "sealed after s",
        "bytes a decision",
    ]
    return table([head, *(_cost_row(one) for one in found)])


def _cost_row(one: dict[str, Any]) -> list[str]:
    growth = one["rss_growth_percent"]
    return [
        one["set_up"],
        str(one["errors"]),
        str(one["decisions_lost"]),
        f"{one['rss_bytes'] / 1e6:,.0f}",
        f"{growth:.1f}" + ("" if growth <= GROWTH_AIM_PERCENT else f" (aim {GROWTH_AIM_PERCENT:.0f})"),
        f"{one['cpu_cores']:.2f}",
        f"{one['generator_cores']:.2f}",
        f"{one['decisions_acknowledged']:,}",
        f"{one['sealed_after_s']:.1f}",
        f"{sum(one['bytes_per_decision'].values()):,.0f}",
    ]


def _faults(found: Sequence[dict[str, Any]]) -> list[str]:
    said = [
        f"{one['set_up']}: {what} came {count:,} times, which should not be"
        for one in found
        for what, count in one["unexpected"].items()
    ]
    return ["\n".join(said)] if said else []


def as_json(found: Sequence[dict[str, Any]]) -> str:
    """The same for a program."""
    return json.dumps(list(found), indent=2, ensure_ascii=False) + "\n"

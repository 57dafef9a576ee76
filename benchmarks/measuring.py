"""Fair measuring: interleaved rounds, medians, and the machine's load beside them."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

WRK_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
WRK_ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")
WRK_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")


def wrk(url: str, seconds: float, connections: int, script: Path | None = None, *headers: str) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, by wrk.

    Raises:
        RuntimeError: some answers were errors, so the rate says nothing.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    command += [part for header in headers for part in ("-H", header)]
    command += ["-s", str(script)] if script else []
    printed = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if errors := WRK_ERRORS.search(printed):
        raise RuntimeError(f"wrk {url}: {errors[0]}")
    rate, p99 = WRK_RATE.search(printed), WRK_P99.search(printed)
    if rate is None or p99 is None:
        raise RuntimeError(f"wrk printed something else:\n{printed}")
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]


def interleave(rounds: int, contenders: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median rate of each contender over rounds in which they take turns."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            os.sync()  # what one contender left in the page cache must not stall the next one's fsync
            rates[name].append(run())
    return {name: statistics.median(found) for name, found in rates.items()}


def show(title: str, rate: float, unit: str, against: str, limit: float, aim: float) -> None:
    """One line: the figure, what it is held against, and the ratio beside its aim."""
    ratio = rate / limit
    mark = "ok" if ratio >= aim else "below the aim"
    load = os.getloadavg()[0]
    print(
        f"{title:<34} {rate:>10,.0f} {unit:<12} {against:<32} {limit:>10,.0f}  "
        f"ratio {ratio:.3f} (aim {aim}) {mark}; load {load:.1f}",
        flush=True,
    )

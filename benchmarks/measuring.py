"""Fair measuring: interleaved rounds, medians, and the machine's load beside them."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

WRK_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
WRK_ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")
WRK_COUNT = re.compile(r"(\d+) requests in ")
WRK_TIMES = {share: re.compile(rf"{share}%\s+([\d.]+)(us|ms|s|m)\b") for share in (50, 99)}
MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Measured:
    """What wrk found: answers, answers per second, and the times within which half and 99 % of them came."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float


def read_wrk(printed: str) -> Measured:
    """What ``wrk --latency`` printed.

    Raises:
        RuntimeError: some answers were errors, so the rate says nothing.
    """
    if errors := WRK_ERRORS.search(printed):
        raise RuntimeError(f"wrk: {errors[0]}")
    count, rate = WRK_COUNT.search(printed), WRK_RATE.search(printed)
    half, most = (WRK_TIMES[share].search(printed) for share in (50, 99))
    if count is None or rate is None or half is None or most is None:
        raise RuntimeError(f"wrk printed something else:\n{printed}")
    return Measured(int(count[1]), float(rate[1]), float(half[1]) * MS[half[2]], float(most[1]) * MS[most[2]])


def wrk(url: str, seconds: float, connections: int, script: Path | None = None, *headers: str) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, by wrk.

    Raises:
        RuntimeError: some answers were errors, so the rate says nothing.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    command += [part for header in headers for part in ("-H", header)]
    command += ["-s", str(script)] if script else []
    found = read_wrk(subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout)
    return found.rate, found.p99_ms


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

"""Runs engines on the material and compares what they counted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from conformance.material import STRIPPED, Material, Tally, differences, make

#: Module in ``engines`` → what it is. Library first: whoever counts stripped fields is compared with it.
ENGINES: Mapping[str, str] = {
    "library": "`Gate.lines`",
    "cli": "`cookiegate gate`",
    "http": "the service: `/collect/<tracker>`",
    "middleware": "WSGI and ASGI middleware",
    "redis_worker": "`cookiegate worker redis`, one of two killed mid-run",
    "kafka_worker": "`cookiegate worker kafka`, one of two killed mid-run",
    "pandas_frames": "pandas: `gate_pandas`",
    "polars_frames": "polars: `gate_polars`",
    "spark": "PySpark on `local-cluster[2,1,1024]`: `gate_spark`",
    "javascript": "`verifier-js` under Node",
}
#: What `make test` leaves to `make conformance`.
HEAVY = ("kafka_worker", "spark")


@dataclass(frozen=True)
class Run:
    """One engine's run.

    Args:
        engine: its module.
        found: what it counted.
        faults: what it counted otherwise than it must, a line each.
        seconds: how long it took, set-up included.
    """

    engine: str
    found: Tally
    faults: list[str]
    seconds: float


def run(engine: str, folder: Path, events: int, reference: Tally | None = None) -> tuple[Run, Material]:
    """Runs one engine on fresh material, for tokens live a quarter of an hour.

    Args:
        engine: its module.
        folder: an empty one.
        events: how many.
        reference: what another engine counted, for the number of stripped fields.
    """
    material = make(folder / "material", events)
    (folder / "work").mkdir()
    start = time.monotonic()
    found = import_module(f"conformance.engines.{engine}").run(material, folder / "work")
    seconds = time.monotonic() - start
    faults = differences(material.expected, found)
    faults += differences(_stripped(reference), _stripped(found)) if reference else []
    return Run(engine, found, faults, seconds), material


def _stripped(tally: Tally) -> Tally:
    return {tracker: {STRIPPED: counts[STRIPPED]} for tracker, counts in tally.items() if STRIPPED in counts}

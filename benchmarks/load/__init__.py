"""Mixed traffic like a real site's on every engine: rates, times, errors, memory, and bytes of a decision.

By wrk, not k6: on two cores the load generator shares them with the service, and every client of k6 is a JavaScript
engine of its own. What wrk takes is in the table. It is one package of Debian's, which `make bench` needs anyway.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.load.engines import SET_UPS
from benchmarks.load.report import as_json, as_text, facts
from benchmarks.load.runs import Plan, load
from benchmarks.pages import COST_PAGE, write_block


def run(arguments: Sequence[str] = ()) -> None:
    """Loads every set-up that was asked for, and prints what was found.

    Args:
        arguments: as on the command line; ``LOAD_SECONDS`` and ``LOAD_ENGINES`` in the environment give the defaults.
    """
    asked = _read(arguments)
    found = []
    for name in asked.engines:
        print(f"{name}: {asked.seconds} s of mixed traffic by {asked.connections} clients …", flush=True)
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            traffic = folder / "traffic"
            traffic.mkdir()
            with SET_UPS[name](folder) as set_up:
                plan = Plan(asked.seconds, asked.paced_seconds, asked.connections, asked.visitors)
                found.append(facts(load(set_up, traffic, plan)))
    print(as_text(found), flush=True)
    if asked.report:
        asked.report.with_suffix(".json").write_text(as_json(found), encoding="utf-8")
        asked.report.with_suffix(".md").write_text(as_text(found) + "\n", encoding="utf-8")
    if asked.write and list(asked.engines) == list(SET_UPS):  # a part would take the others off the page
        how = f"{asked.seconds} s on each engine, {asked.connections} clients, {os.cpu_count()} cores in all."
        write_block(COST_PAGE, "load", f"{how}\n\n{as_text(found)}")
    if any(one["errors"] or one["decisions_lost"] for one in found):
        raise SystemExit(1)


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    names = os.environ.get("LOAD_ENGINES", ",".join(SET_UPS)).split(",")
    parser = argparse.ArgumentParser(prog="python -m benchmarks load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("LOAD_SECONDS", "300")))
    parser.add_argument("--paced-seconds", type=int, default=30, help="at half of the rate; 0: not at all")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--visitors", type=int, default=4_000)
    parser.add_argument("--engines", nargs="+", choices=list(SET_UPS), default=names)
    parser.add_argument("--report", type=Path, help="writes <report>.json and <report>.md")
    parser.add_argument("--write", action="store_true", help=f"writes the tables into {COST_PAGE.name}")
    return parser.parse_args(list(arguments))

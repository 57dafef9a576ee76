"""``make conformance``: all engines on 20,000 events. Fails on a difference, else writes the page."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from conformance.material import EVENTS, Material, Tally
from conformance.running import ENGINES, Run, run
from conformance.table import page
from conformance.tokens import PASSED

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"


def main() -> int:
    """Gives the exit code: 1 if an engine counted otherwise."""
    parser = argparse.ArgumentParser(prog="conformance")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--engines", default=",".join(ENGINES), help="some of: %(default)s")
    parser.add_argument("--write", action="store_true", help="write the page")
    asked = parser.parse_args()
    runs: list[Run] = []
    material: Material | None = None
    reference: Tally | None = None
    for engine in asked.engines.split(","):
        print(f"{engine:15} ", end="", flush=True)
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            done, material = run(engine, Path(folder), asked.events, reference)
        reference = reference or done.found
        runs.append(done)
        print(f"{done.seconds:6.1f} s  {'same counts' if not done.faults else '; '.join(done.faults[:8])}", flush=True)
    assert material is not None
    _print_totals(material.expected)
    if asked.write and not any(done.faults for done in runs):
        PAGE.write_text(page(material.expected, runs), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(Path.cwd())}")
    return 1 if any(done.faults for done in runs) else 0


def _print_totals(expected: Tally) -> None:
    for tracker, counts in expected.items():
        total = sum(counts.values())
        print(
            f"  {tracker:12} {total:6,} events, {counts[PASSED]:6,} pass, {len(counts) - 1:2} reasons to drop the rest"
        )


if __name__ == "__main__":
    sys.exit(main())

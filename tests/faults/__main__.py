"""``make faults`` and ``make soak``: plays the fault table and prints a line for each row."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from faults import scenes
from faults.report import HEAD, line_of, write_report
from faults.rows import POSTGRESQL, ROWS, SQLITE, Row, play, scratch
from faults.scenes.killing import cycles
from faults.stage import Outcome, Stage

assert scenes
SOAK_CYCLES = 1_000


def main() -> int:
    """Plays what the options name; 0 when every row passed."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--rows", help="only these, comma-separated")
    parser.add_argument("--engine", choices=(SQLITE, POSTGRESQL), help="only this one")
    parser.add_argument("--short", action="store_true", help="the short form of every row")
    parser.add_argument("--report", type=Path, help="also write the table there, as Markdown, and beside it as JSON")
    parser.add_argument("--soak", type=int, nargs="?", const=SOAK_CYCLES, help="so many kills instead of the table")
    parser.add_argument("--keep", type=Path, help="copy the folder of a row that failed there")
    asked = parser.parse_args()
    chosen = _soak(asked.soak) if asked.soak else list(ROWS.values())
    if asked.rows:
        names = asked.rows.split(",")
        if unknown := [name for name in names if name not in ROWS]:
            parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
        chosen = [ROWS[name] for name in names]
    print(HEAD, flush=True)
    outcomes = []
    for found in chosen:
        for engine in found.engines:
            if asked.engine in (None, engine):
                outcomes.append(_play(found, engine, full=not asked.short, keep=asked.keep))
                print(line_of(outcomes[-1]), flush=True)
    if asked.report:
        write_report(asked.report, outcomes, {name: found.fault for name, found in ROWS.items()})
    failed = [outcome for outcome in outcomes if not outcome.passed]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} rows hold.")
    return 1 if failed or not outcomes else 0


def _play(found: Row, engine: str, *, full: bool, keep: Path | None) -> Outcome:
    with scratch() as folder:
        outcome = play(found, engine, folder, full=full)
        if keep is not None and not outcome.passed:
            shutil.rmtree(keep / f"{found.name}-{engine}", ignore_errors=True)
            shutil.copytree(
                folder, keep / f"{found.name}-{engine}", symlinks=True, ignore=shutil.ignore_patterns("fiu-*", "disk")
            )
        return outcome


def _soak(count: int) -> list[Row]:
    began = time.monotonic()

    def told(number: int, stage: Stage) -> None:
        if number % 10 == 0:
            acknowledged = len(stage.journal.told)
            print(
                f"  {number} of {count} kills in {time.monotonic() - began:.0f} s, {acknowledged} acknowledged, "
                f"slowest recovery {stage.recovery_s:.2f} s",
                file=sys.stderr,
                flush=True,
            )

    return [Row("soak", f"{count} times kill -9", lambda stage: cycles(stage, count, told), (SQLITE,), everyday=False)]


if __name__ == "__main__":
    sys.exit(main())

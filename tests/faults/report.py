"""The table of what was measured, for a terminal and for the documentation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.pages import replace_block
from faults.stage import Outcome

WIDTHS = (24, 11, 8, 8, 5, 10, 10, 10)
NAMES = ("row", "engine", "acked", "found", "lost", "re-granted", "recovery s", "p99 ms")
HEAD = "  ".join(name.ljust(width) for name, width in zip(NAMES, WIDTHS, strict=True)) + "  verdict"


def line_of(outcome: Outcome) -> str:
    """One line for a terminal."""
    cells = "  ".join(cell.ljust(width) for cell, width in zip(_cells(outcome), WIDTHS, strict=True))
    return f"{cells}  {_verdict(outcome)} ({outcome.seconds:.0f} s)"


def write_report(path: Path, outcomes: Sequence[Outcome], faults: Mapping[str, str]) -> None:
    """Writes a Markdown table: between the marks of a page, or as a file of its own with the same as JSON beside it."""
    rows = [
        f"| {faults.get(item.row, item.row)} | {' | '.join(_cells(item)[1:])} | {_verdict(item)} |" for item in outcomes
    ]
    head = ["fault", *NAMES[1:], "verdict"]
    table = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows]
    text = "\n".join(table)
    if path.exists() and "<!-- begin faults" in (page := path.read_text(encoding="utf-8")):
        path.write_text(replace_block(page, "faults", text), encoding="utf-8")
        return
    path.write_text(text + "\n", encoding="utf-8")
    document = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": [asdict(item) for item in outcomes]}
    path.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _cells(outcome: Outcome) -> list[str]:
    recovery = "-" if outcome.recovery_s is None else f"{outcome.recovery_s:.2f}"
    probes = "-" if outcome.probe_p99_ms is None else f"{outcome.probe_p99_ms:.0f}"
    numbers = (outcome.acknowledged, outcome.found, outcome.lost, outcome.re_granted)
    return [outcome.row, outcome.engine, *map(str, numbers), recovery, probes]


def _verdict(outcome: Outcome) -> str:
    told = [*outcome.problems, *outcome.late]
    verdict = "ok" if outcome.passed else "FAILED: " + "; ".join(told)
    return verdict + (f" ({'; '.join(outcome.notes)})" if outcome.notes else "")

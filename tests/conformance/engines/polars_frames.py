"""polars: plain events as flat columns; requests, and lines that are no JSON, as a column of texts."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from conformance.material import MARKER, Material, Tally, readable, tally
from cookiegate.gate.counts import Counts
from cookiegate.gate.frame import gate_polars


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    found: dict[str, Counts] = {}
    for tracker, lines in material.lines.items():
        events, texts = readable(lines) if tracker == "plain" else ([], lines)
        gate = material.gate(tracker)
        frames = [(pl.DataFrame({"line": [text.decode() for text in texts]}, schema={"line": pl.String}), "line")]
        if events:
            frames.append((pl.DataFrame(events, infer_schema_length=None), None))
        for frame, column in frames:
            assert MARKER not in gate_polars(frame, gate, lines=column).frame.write_json(), tracker
        found[tracker] = gate.counts
    return tally(found)

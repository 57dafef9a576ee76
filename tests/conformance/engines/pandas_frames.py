"""pandas: plain events as flat columns; requests, and lines that are no JSON, as a column of texts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from conformance.material import MARKER, Material, Tally, readable, tally
from cookiegate.gate.counts import Counts
from cookiegate.gate.frame import gate_pandas


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    found: dict[str, Counts] = {}
    for tracker, lines in material.lines.items():
        events, texts = readable(lines) if tracker == "plain" else ([], lines)
        gate = material.gate(tracker)
        frames = [(pd.DataFrame({"line": [text.decode() for text in texts]}), "line")]
        if events:
            frames.append((pd.DataFrame(events), None))
        for frame, column in frames:
            assert MARKER not in gate_pandas(frame, gate, lines=column).frame.to_csv(), tracker
        found[tracker] = gate.counts
    return tally(found)

"""The gate as a library: :meth:`cookiegate.gate.gate.Gate.lines`."""

from __future__ import annotations

from pathlib import Path

from conformance.material import MARKER, Material, Tally, tally


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    verifier = material.verifier()
    gates = {tracker: material.gate(tracker, verifier) for tracker in material.lines}
    for tracker, gate in gates.items():
        written = b"".join(gate.lines(material.lines[tracker]))
        assert MARKER.encode() not in written, tracker
    return tally({tracker: gate.counts for tracker, gate in gates.items()})

"""The gate in JavaScript, ``verifier-js``, under Node."""

from __future__ import annotations

import base64
from pathlib import Path

from support.npm import install
from verifier.running import run_in_node

from conformance.material import MARKER, STRIPPED, Material, Tally
from conformance.tokens import PASSED

_PACKAGE = Path(__file__).parents[3] / "verifier-js"


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    install(_PACKAGE)
    runs = [
        {
            "options": {"tracker": tracker, "purpose": material.purpose},
            "lines": [base64.b64encode(line).decode() for line in lines],
        }
        for tracker, lines in material.lines.items()
    ]
    done = run_in_node(
        jwks=material.jwks, status=[material.status], audience=material.audience, issuer=material.issuer,
        nowMs=material.made_ms, runs=runs,
    )  # fmt: skip
    found = {}
    for tracker, outcome in zip(material.lines, done["runs"], strict=True):
        assert MARKER not in "".join(outcome["out"]), tracker
        counts = outcome["counts"]
        stripped = sum(counts["stripped"].values())
        found[tracker] = {PASSED: counts["accepted"], **counts["dropped"], STRIPPED: stripped}
    return found

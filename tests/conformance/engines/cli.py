"""``cookiegate gate``: a process for each tracker, its counts from the closing table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conformance.material import MARKER, STRIPPED, Material, Tally
from conformance.tokens import PASSED

_NAMES = {"accepted": PASSED, "fields stripped": STRIPPED}


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    return {tracker: _run(material, tracker) for tracker in material.lines}


def _run(material: Material, tracker: str) -> dict[str, int]:
    command = [str(Path(sys.executable).with_name("cookiegate")), "gate", "--tracker", tracker, "--no-progress"]
    command += ["--audience", material.audience, "--purpose", material.purpose, "--issuer", material.issuer]
    command += ["--jwks", str(material.jwks_file), "--status", str(material.status_file)]
    with material.events_file(tracker).open("rb") as lines:
        done = subprocess.run(command, stdin=lines, capture_output=True, check=True, timeout=120)
    assert MARKER.encode() not in done.stdout, tracker
    return _read(done.stderr.decode())


def _read(table: str) -> dict[str, int]:
    """The numbers of a closing table: ``accepted``, ``dropped`` with its reasons below it, ``fields stripped``."""
    found: dict[str, int] = {}
    section = ""
    for indent, name, number in re.findall(r"^( *)(\S.*?) +([\d,]+)$", table, re.MULTILINE):
        section = section if indent else name
        if not indent and name in _NAMES:
            found[_NAMES[name]] = int(number.replace(",", ""))
        elif section == "dropped" and indent:
            found[name] = int(number.replace(",", ""))
    return found

"""Starts the gate in JavaScript."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).with_name("run_gate.mjs")


def run_in_node(**asked: Any) -> dict[str, Any]:
    """What the gate in JavaScript makes of it; ``run_gate.mjs`` says what can be asked."""
    done = subprocess.run(
        ["node", str(RUNNER)], input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found

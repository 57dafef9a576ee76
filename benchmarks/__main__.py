"""Runs every benchmark; `python -m benchmarks NAME…` runs some, and what begins with a dash is for them.

`load`, `peers`, `widget`, `cost` and `growth` take minutes and are run by their names alone.
"""

from __future__ import annotations

import importlib
import sys
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("bundle", "decisions", "gate_check", "gate_pipeline", "ledger_cost", "ledger_proof", "ledger_verify")

sys.path.insert(0, str(ROOT / "tests"))  # the benchmarks start services as the tests do

names = list(takewhile(lambda text: not text.startswith("-"), sys.argv[1:]))
options = [sys.argv[1 + len(names) :]] if len(sys.argv) > 1 + len(names) else []
for name in names or NAMES:
    importlib.import_module(f"benchmarks.{name}").run(*options)

"""Runs every benchmark; `python -m benchmarks NAME…` runs some."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("bundle", "decisions", "gate_check", "gate_pipeline", "ledger_cost", "ledger_proof", "ledger_verify")

sys.path.insert(0, str(ROOT / "tests"))  # the benchmarks start services as the tests do

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"benchmarks.{name}").run()

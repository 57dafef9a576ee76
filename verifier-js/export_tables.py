"""Writes what the gate in JavaScript shares with the one in Python: ``src/tables.js``, made of the same data.

python verifier-js/export_tables.py [--check]
"""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookiegate.gate import trackers
from cookiegate.gate.trackers.table import COMMON_HEADERS
from cookiegate.policy import sensitive
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.reasons import Reason

TARGET = Path(__file__).parent / "src" / "tables.js"
_HEAD = """\
// Made by `make gate-js-tables` from what the gate in Python has: its trackers, sensitive names and reasons.
// A module, for JSON is not read alike by every runtime.
"""


def plain(value: Any) -> Any:
    """A table's value as JSON has it: sets are sorted lists, bytes base64."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"a table holds a {type(value).__name__}: say in {Path(__file__).name} how JSON has it")


def module() -> str:
    """The text of the module."""
    terms = " ".join(sensitive._TERMS.values()).split()
    exports = {
        "REASONS": ("/** @type {const} */ ", [reason.value for reason in Reason]),
        "CATEGORIES": ("/** @type {const} */ ", list(CATEGORIES)),
        "COMMON_HEADERS": ("/** @type {Readonly<Record<string, string>>} */ ", plain(COMMON_HEADERS)),
        "SENSITIVE": ("", {"terms": terms, "japanese": list(sensitive._JAPANESE)}),
        "TABLES": (
            '/** @type {Readonly<Record<string, import("./table.js").TrackerTable>>} */ ',
            {name: plain(trackers.find(name)) for name in trackers.NAMES},
        ),
    }
    parts = [
        f"export const {name} = {kind}({json.dumps(value, ensure_ascii=False, indent=1)});\n"
        for name, (kind, value) in exports.items()
    ]
    return _HEAD + "\n".join(parts)


def main() -> int:
    """Writes the module, or with ``--check`` says whether it is fresh; the exit code."""
    made = module()
    if sys.argv[1:] == ["--check"]:
        fresh = TARGET.exists() and TARGET.read_text(encoding="utf-8") == made
        return 0 if fresh else 1
    TARGET.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

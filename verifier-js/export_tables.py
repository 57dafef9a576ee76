"""Writes what the gate in JavaScript shares with the one in Python: ``src/tables/``, made of the same data.

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

TARGET = Path(__file__).parent / "src" / "tables"
_HEAD = "// Made by `make gate-js-tables` of the gate in Python. A module, for JSON is not read alike everywhere.\n"
_WIDTH = 118
_TABLE = 'import("../table.js").TrackerTable'


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


def modules() -> dict[str, str]:
    """The text of each module by its name: one per tracker, ``shared.js``, and ``index.js`` with all of them."""
    made = {f"{name}.js": _module(default=_literal(plain(trackers.find(name)), _TABLE)) for name in trackers.NAMES}
    terms = " ".join(sensitive._TERMS.values()).split()
    made["shared.js"] = _module(
        REASONS=_constant([reason.value for reason in Reason]),
        CATEGORIES=_constant(list(CATEGORIES)),
        COMMON_HEADERS=_literal(plain(COMMON_HEADERS), "Readonly<Record<string, string>>"),
        SENSITIVE=_text({"terms": terms, "japanese": list(sensitive._JAPANESE)}),
    )
    imports = "".join(f'import {name} from "./{name}.js";\n' for name in trackers.NAMES)
    kind = f"Readonly<Record<string, {_TABLE}>>"
    made["index.js"] = (
        f'{_HEAD}{imports}\nexport * from "./shared.js";\n\n'
        f"/** @type {{{kind}}} */\nexport const TABLES = {{ {', '.join(trackers.NAMES)} }};\n"
    )
    return made


def _module(default: str | None = None, **named: str) -> str:
    exports = [f"export default {default};\n"] if default else []
    exports += [f"export const {name} = {value};\n" for name, value in named.items()]
    return _HEAD + "\n".join(exports)


def _text(value: Any, depth: int = 0) -> str:
    """JSON that breaks only what is too long for a line."""
    whole = json.dumps(value, ensure_ascii=False)
    if len(whole) + depth <= _WIDTH or not isinstance(value, dict | list):
        return whole
    inner = " " * (depth + 1)
    if isinstance(value, dict):
        items = [f"{json.dumps(name, ensure_ascii=False)}: {_text(item, depth + 1)}" for name, item in value.items()]
        opening, closing = "{}"
    else:
        items = [_text(item, depth + 1) for item in value]
        opening, closing = "[]"
    lines: list[str] = []
    for item in items:
        if lines and "\n" not in lines[-1] + item and depth + len(lines[-1]) + len(item) + 3 <= _WIDTH:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return f",\n{inner}".join([f"{opening}\n{inner}{lines[0]}", *lines[1:]]) + f"\n{' ' * depth}{closing}"


def _constant(value: Any) -> str:
    return f"/** @type {{const}} */ ({_text(value)})"


def _literal(value: Any, kind: str) -> str:
    return f"/** @type {{{kind}}} */ ({_text(value)})"


def main() -> int:
    """Writes the modules, or with ``--check`` says whether they are fresh; the exit code."""
    made = modules()
    there = {path.name: path for path in TARGET.glob("*.js")}
    if sys.argv[1:] == ["--check"]:
        return int({name: path.read_text(encoding="utf-8") for name, path in there.items()} != made)
    TARGET.mkdir(exist_ok=True)
    for stale in there.keys() - made.keys():
        there[stale].unlink()
    for name, text in made.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

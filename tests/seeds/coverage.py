"""Writes ``docs/seed-coverage.md``: every promise of the founding policies, its tests and its page.

A test shows a promise by its name: ``test_s07_…`` shows S7. ``make seeds`` runs this.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "seed-coverage.md"
_NAME = re.compile(r"test_s(\d\d)_")
HEAD = """# What the founding policies promise, and what shows it

Five privacy policies of Japanese companies are the founding documents. Each row is a promise that the software keeps,
or gives the operator the means to keep. The tests below show it; `make seeds` writes this page, and a test holds it
current.

"""


@dataclass(frozen=True)
class Row:
    """One promise. ``page`` is relative to ``docs/``; ``operator`` says what people must do, and with what."""

    key: str
    promise: str
    page: str
    operator: str | None = None


def read_rows() -> list[Row]:
    """Every promise, in order."""
    found = YAML(typ="safe").load(Path(__file__).with_name("rows.yaml").read_text(encoding="utf-8"))
    return [Row(key, **row) for key, row in found.items()]


@cache
def find_tests() -> dict[str, list[str]]:
    """The tests of each promise, as ``file::name``."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.name if isinstance(node, ast.FunctionDef) else ""
            if match := _NAME.match(name):
                found[f"S{int(match[1])}"].append(f"{path.relative_to(ROOT)}::{name}")
    return found


def write_page() -> str:
    """The page as it should be."""
    tests = find_tests()
    parts = [HEAD]
    for row in read_rows():
        parts.append(f"## {row.key}: {row.promise}\n\nRead: [{row.page}]({row.page})\n\n")
        if row.operator:
            parts.append(f"{row.operator}\n\n")
        parts += [f"- `{name}`\n" for name in tests[row.key]]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")

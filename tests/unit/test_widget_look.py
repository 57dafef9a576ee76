"""The names that pages may build upon: the documentation has those of the styles."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STYLES = "".join((ROOT / "widget" / "src" / f"{name}.css").read_text() for name in ("style", "dialog", "cover"))
LOOK = (
    (ROOT / "docs" / "reference" / "widget.md")
    .read_text(encoding="utf-8")
    .partition("## Look")[2]
    .partition("\n## ")[0]
)


def test_every_variable_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(--cg-[a-z-]+)` \|[^|]*\| `([^`]+)` \|", LOOK, re.MULTILINE)
    assert sorted(rows) == sorted(re.findall(r"var\((--cg-[a-z-]+), ([^;]+?)\);", STYLES))


def test_every_class_is_documented() -> None:
    listed = {
        name for row in re.findall(r"^\| (`cg-.*)$", LOOK, re.MULTILINE) for name in re.findall(r"`(cg-[a-z]+)`", row)
    }
    assert listed == set(re.findall(r"\.(cg-[a-z]+)", STYLES))

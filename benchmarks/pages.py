"""Tables that a command writes into a page, between two marks that name the command."""

from __future__ import annotations

from pathlib import Path

COST_PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "cost.md"


def write_block(page: Path, name: str, text: str) -> None:
    """Puts a text where the page has the block of that name.

    Raises:
        ValueError: the page has no such block.
    """
    page.write_text(replace_block(page.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def replace_block(page: str, name: str, text: str) -> str:
    """The page with another text between ``<!-- begin NAME … -->`` and ``<!-- end NAME -->``."""
    head, begin, rest = page.partition(f"<!-- begin {name}")
    old, end, tail = rest.partition(f"<!-- end {name} -->")
    opening, closed, _ = old.partition("-->\n")
    if not begin or not end or not closed:
        raise ValueError(f"the page has no block between <!-- begin {name} … --> and <!-- end {name} -->")
    return f"{head}{begin}{opening}-->\n{text.strip()}\n{end}{tail}"

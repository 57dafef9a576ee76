"""The trackers that a policy may name: those that the gate has a table for, by the names of the tables' files."""

from __future__ import annotations

from pathlib import Path

_TABLES = Path(__file__).parents[1] / "gate" / "trackers"
#: What the tables are made of.
_NO_TRACKER = "table"


def tracker_names() -> tuple[str, ...]:
    """The names, in order. The files are only listed: a policy is read without the gate."""
    names = (file.stem for file in _TABLES.glob("*.py"))
    return tuple(sorted(name for name in names if not name.startswith("_") and name != _NO_TRACKER))

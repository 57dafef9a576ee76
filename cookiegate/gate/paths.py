"""Values at dotted paths of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def split_at_dots(path: str) -> list[str]:
    """The names of a dotted path."""
    return path.split(".")


def value_at(event: object, path: Sequence[str]) -> Any:
    """What stands at a path of names in nested objects; None where one of them is missing."""
    value: Any = event
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value

"""Values at dotted paths of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1024)
def split_at_dots(path: str) -> tuple[str, ...]:
    """The names of a dotted path; of a table's or a policy's, not of an event's."""
    return tuple(path.split("."))


def value_at(event: object, path: Sequence[str]) -> Any:
    """What stands at a path of names in nested objects; None where one of them is missing."""
    value: Any = event
    for name in path:
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value

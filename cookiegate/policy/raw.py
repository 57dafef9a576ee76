"""Careful looks into a document of any shape: a wrong shape is passed over, for the schema complains of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

Data = Mapping[str, Any]

#: Longer lists and mappings are refused by the schema; looking further would only take time.
_LOOKED_AT = 256


def as_mapping(value: Any) -> Data:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The first items of the value if it is a list, else none."""
    return value[:_LOOKED_AT] if isinstance(value, list) else []


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The first entries of a mapping."""
    return islice(as_mapping(value).items(), _LOOKED_AT)


def words(value: Any) -> list[str]:
    """The texts of a list."""
    return [word for word in as_list(value) if isinstance(word, str)]


def purposes(data: Data) -> Iterator[tuple[int, Data]]:
    """Each purpose that is a mapping, with its place in the list."""
    for index, purpose in enumerate(as_list(data.get("purposes"))):
        if isinstance(purpose, dict):
            yield index, purpose


def recipients(data: Data) -> Iterator[tuple[str, Data]]:
    """Each recipient that is a mapping, by key."""
    for key, recipient in entries(data.get("recipients")):
        if isinstance(recipient, dict):
            yield key, recipient

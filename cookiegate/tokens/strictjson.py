"""JSON objects from strangers: no duplicate key, no NaN, no depth that breaks the reader."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def read_object(data: bytes) -> dict[str, Any]:
    """Reads one JSON object.

    Args:
        data: UTF-8 JSON, capped in size by the caller.

    Raises:
        ValueError: for bad UTF-8 or syntax, anything but an object, a key given twice, NaN or Infinity, or
            nesting past the interpreter's limit.

    Source: RFC 7515 section 4 and RFC 7519 section 4 (member names must be unique).
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  one error for every fault of the text
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

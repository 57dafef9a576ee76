"""Field maps as allow-lists: what is not mapped to a granted category does not exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from cookiegate.gate import ip
from cookiegate.gate.allowance import EVENT, IP, Allowance
from cookiegate.gate.sensitive import rule_of
from cookiegate.policy.document import CATEGORIES

FIELD_CATEGORIES = frozenset({*CATEGORIES, EVENT})
#: A category for a field, or a tree for the fields inside it.
Tree: TypeAlias = "dict[str, str | Tree]"
_SCALARS = frozenset({str, int, bool, type(None)})


def compile_fields(fields: Mapping[str, str], split: Callable[[str], Sequence[str]] | None = None) -> Tree:
    """Makes a tree of a flat map.

    Args:
        fields: names or dotted paths (``props.plan``) to one of the seven categories or ``event``. A sensitive name
            gets a rule of its own, which no category grants.
        split: gives the names on the way to a field; at the dots when None.

    Raises:
        ValueError: for an unknown category, an empty name, or a field that is mapped as a whole and in parts.
    """
    tree: Tree = {}
    for path, category in fields.items():
        if category not in FIELD_CATEGORIES:
            raise ValueError(
                f"{path}: {category!r} is not a category; use one of {', '.join(sorted(FIELD_CATEGORIES))}"
            )
        *parents, leaf = path.split(".") if split is None else split(path)
        if not all((*parents, leaf)):
            raise ValueError(f"{path!r} has an empty name in it")
        node = tree
        for parent in parents:
            inner = node.setdefault(parent, {})
            if isinstance(inner, str):
                raise ValueError(f"{path}: {parent} is mapped as a whole already")  # noqa: TRY004  a fault of the map
            node = inner
        if leaf in node:
            raise ValueError(f"{path} is mapped twice, or as a whole and in parts")
        node[leaf] = rule_of(path, category)
    return tree


def strip(
    event: Mapping[str, Any], tree: Tree, allowance: Allowance, stripped: list[str], at: str = ""
) -> dict[str, Any]:
    """A new object with only what the allowance grants.

    Args:
        event: the object; it is not changed.
        tree: the compiled map.
        allowance: the grant.
        stripped: receives the path of every field that is left out or cut.
        at: path of ``event``, ending in a dot unless empty.

    Returns:
        Scalars and lists of scalars under mapped names, objects and lists of objects under names mapped in parts. A
        name mapped as a whole whose value is anything else is left out: an object would carry fields that nobody
        mapped.
    """
    kept: dict[str, Any] = {}
    categories = allowance.categories
    for name, value in event.items():
        rule = tree.get(name)
        if type(rule) is str:
            if rule in categories and (type(value) in _SCALARS or is_plain(value)):
                kept[name] = value
                continue
            if rule == IP and allowance.truncate_ip and (cut := ip.truncate(value)) is not None:
                kept[name] = cut
        elif rule is None or isinstance(rule, str):
            pass
        elif type(value) is dict or isinstance(value, Mapping):
            inner = strip(value, rule, allowance, stripped, f"{at}{name}.")
            if inner or not value:
                kept[name] = inner
            continue
        elif type(value) is list and all(isinstance(item, Mapping) for item in value):
            items = [strip(item, rule, allowance, stripped, f"{at}{name}.") for item in value]
            items = [left for left, item in zip(items, value, strict=True) if left or not item]
            if items or not value:
                kept[name] = items
            continue
        stripped.append(f"{at}{name}")
    return kept


def is_plain(value: object) -> bool:
    """Whether a value is a JSON scalar or a list of them; NaN and infinities are no JSON."""
    if type(value) is list:
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return type(value) in _SCALARS or (type(value) is float and math.isfinite(value))

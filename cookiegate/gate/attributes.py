"""Typed values and attribute lists as OpenTelemetry's JSON has them, and the plain values that rules work on.

Source: OTLP 1.x, common.proto (``KeyValue``, ``AnyValue``) in its JSON form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cookiegate.gate.paths import split_at_dots

_INT64 = range(-(2**63), 2**63)


def opened(event: Mapping[str, Any], attributes: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """The event with its attribute lists as objects (key → value) and its typed values as plain ones.

    Args:
        event: it is not changed.
        attributes: dotted paths of attribute lists, also inside the objects of a list.
        values: dotted paths of typed values.
    """
    return _changed(event, attributes, _read_attributes, values, _read_value)


def closed(event: Mapping[str, Any], attributes: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """The event as it goes over the wire."""
    return _changed(event, attributes, _write_attributes, values, _write_value)


def _changed(
    event: Mapping[str, Any],
    attributes: Sequence[str],
    change_attributes: Callable[[Any], Any],
    values: Sequence[str],
    change_value: Callable[[Any], Any],
) -> dict[str, Any]:
    found = dict(event)
    for paths, change in ((attributes, change_attributes), (values, change_value)):
        for path in paths:
            name, *rest = split_at_dots(path)
            if name in found:
                found[name] = _at(found[name], rest, change)
    return found


def _at(value: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    if type(value) is list:
        return [_at(item, path, change) for item in value]
    if type(value) is dict and path[0] in value:
        return {**value, path[0]: _at(value[path[0]], path[1:], change)}
    return value


def _read_attributes(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in value if type(value) is list else ():
        if type(item) is dict and type(key := item.get("key")) is str and key not in found:
            found[key] = _read_value(item.get("value"))
    return found


def _read_value(value: Any) -> Any:
    """The plain value behind a typed one; whatever is none stays as it is, an object that no rule lets pass."""
    if type(value) is not dict or len(value) != 1:
        return {"": value}
    ((kind, inner),) = value.items()
    try:
        if kind == "arrayValue":
            return [_read_scalar(item) for item in inner.get("values", [])]
        return _READERS[kind](inner)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return {"": value}


def _read_scalar(value: Any) -> Any:
    ((kind, inner),) = value.items()
    return _READERS[kind](inner)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    # Proto's JSON writes 64-bit integers as text, and takes both.
    if type(value) is bool or (type(value) is str and len(value) > 20) or type(value) not in (int, str):
        raise TypeError
    number = int(value)
    if number not in _INT64:
        raise ValueError
    return number


def _double(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError
    return float(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "stringValue": _text,
    "boolValue": _boolean,
    "intValue": _integer,
    "doubleValue": _double,
}


def _write_attributes(value: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": _write_value(item)} for key, item in value.items()]


def _write_value(value: Any) -> dict[str, Any]:
    if type(value) is list:
        return {"arrayValue": {"values": [_write_value(item) for item in value]}}
    if type(value) is bool:
        return {"boolValue": value}
    if type(value) is int:
        return {"intValue": value}
    if type(value) is float:
        return {"doubleValue": value}
    # An absent value is how the protocol says null.
    return {} if value is None else {"stringValue": str(value)}

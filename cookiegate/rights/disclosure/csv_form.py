"""A disclosure as a flat table that a spreadsheet opens: section, time, name, value.

Source: RFC 4180; OWASP, CSV injection.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

COLUMNS = ("section", "time", "name", "value")
#: So that spreadsheets read UTF-8, Japanese included.
BYTE_ORDER_MARK = "\ufeff"
#: A spreadsheet takes what begins with these for a formula, in their full-width forms too.
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
#: Members that say when an item of a section happened, the first that it has.
_TIMES = ("decided_at", "recorded_at", "provided_at", "placed_at", "kept_until", "revoked_at", "day")
_Row = tuple[str, str, str, str]


def csv_rows(facts: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The table, row by row, as UTF-8.

    Args:
        facts: sections of plain JSON values.
        events: collected events, the last section.
    """
    yield (BYTE_ORDER_MARK + _line(COLUMNS)).encode()
    for section, value in facts.items():
        for row in _section(section, value):
            yield _line(row).encode("utf-8", "replace")
    for number, event in enumerate(events, 1):
        for row in _item(f"events/{number}", event):
            yield _line(row).encode("utf-8", "replace")


def safe_cell(value: Any) -> str:
    """A value as a cell: on one line, and never a formula. A cell that would be one begins with an apostrophe."""
    text = _plain(value)
    text = "".join(char if char.isprintable() else " " for char in text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text


def _section(name: str, value: Any) -> Iterator[_Row]:
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _item(f"{name}/{number}", item)
    else:
        yield from _item(name, value)


def _item(section: str, item: Any) -> Iterator[_Row]:
    if not isinstance(item, Mapping):
        yield section, "", "", item
        return
    time = next((str(item[name]) for name in _TIMES if item.get(name)), "")
    for name, value in _flat("", item):
        yield section, time, name, value


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value with the path that leads to it, such as ``device.browser``; lists of plain values stay together."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list) and any(isinstance(inner, (Mapping, list)) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(f"{path}/{number}", inner)
    else:
        yield path, value


def _plain(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _line(row: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([safe_cell(cell) for cell in row])
    return text.getvalue()

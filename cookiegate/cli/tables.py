"""Rows for a person at a terminal, for another program, or for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click

Form = Literal["table", "json", "csv"]
Rows = Sequence[Mapping[str, Any]]
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: A spreadsheet takes what begins with these for a formula, in their full-width forms too.
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_GAP = "  "


def form_option(function: _Function) -> _Function:
    """The option ``--format``."""
    choice = click.Choice(["table", "json", "csv"])
    return click.option("--format", "form", type=choice, default="table", show_default=True, help="How to print.")(
        function
    )


def print_rows(rows: Rows, columns: Sequence[str], form: Form, *, shown: Sequence[str] | None = None) -> None:
    """Prints rows.

    Args:
        rows: values by column; texts may be anybody's.
        columns: the columns of JSON and CSV.
        form: how to print.
        shown: the columns of a table, which must fit on a screen; all when None.
    """
    if form == "json":
        click.echo(json.dumps([{name: row[name] for name in columns} for row in rows], ensure_ascii=False, indent=2))
    elif form == "csv":
        click.echo(csv_text(rows, columns), nl=False)
    else:
        click.echo(table_text(rows, shown or columns))


def csv_text(rows: Rows, columns: Sequence[str]) -> str:
    """The rows as a spreadsheet opens them: UTF-8 with its mark, and no cell that would be taken for a formula.

    Source: RFC 4180; OWASP, CSV injection.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_safe_cell(row[name]) for name in columns] for row in rows)
    return "\ufeff" + text.getvalue()


def table_text(rows: Rows, columns: Sequence[str]) -> str:
    """The rows under their headings, in columns that line up where characters are two cells wide too."""
    lines = [[name.replace("_", " ") for name in columns], *([_shown(row[name]) for name in columns] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_GAP.join(map(_padded, line, widths)).rstrip() for line in lines)


def _safe_cell(value: Any) -> str:
    text = _shown(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _shown(value: Any) -> str:
    """A value on one line, without anything that a terminal would obey."""
    text = "" if value is None else " ".join(value) if isinstance(value, (list, tuple)) else str(value)
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

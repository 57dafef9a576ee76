"""The closing table of a worker, as its test reads it."""

from __future__ import annotations

import re

_ROW = re.compile(r"^ *(\S.*?) {2,}([\d,]+)$", re.MULTILINE)


def closing(told: str) -> dict[str, int]:
    """The rows of the table in what a worker told: name → figure."""
    return {name: int(figure.replace(",", "")) for name, figure in _ROW.findall(told)}

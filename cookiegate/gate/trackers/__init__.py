"""One table per tracker's wire format: each module of this package that has a ``TABLE`` is one tracker."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from cookiegate.gate.trackers.table import TrackerTable

_MODULES = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
_TABLES: dict[str, TrackerTable] = {module.TABLE.name: module.TABLE for module in _MODULES if hasattr(module, "TABLE")}
#: The trackers that have a table.
NAMES = tuple(sorted(_TABLES))


def find(name: str) -> TrackerTable:
    """The table of a tracker.

    Raises:
        ValueError: if there is none, naming those that there are.
    """
    table = _TABLES.get(name)
    if table is None:
        raise ValueError(f"no table for the tracker {name!r}; there are {', '.join(NAMES)}")
    return table

"""One table per tracker's wire format."""

from __future__ import annotations

from cookiegate.gate.trackers.plain import PLAIN
from cookiegate.gate.trackers.plausible import PLAUSIBLE
from cookiegate.gate.trackers.snowplow import SNOWPLOW
from cookiegate.gate.trackers.table import TrackerTable

_TABLES = {table.name: table for table in (PLAIN, PLAUSIBLE, SNOWPLOW)}
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

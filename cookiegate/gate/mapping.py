"""Whether a policy's field maps fit the trackers' tables: what a policy alone cannot know."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cookiegate.gate import trackers
from cookiegate.gate.events import STAMP_FIELD
from cookiegate.gate.fields import FIELD_CATEGORIES
from cookiegate.gate.trackers.table import TrackerTable
from cookiegate.policy.faults import Complaint, quoted
from cookiegate.policy.raw import Data, as_mapping, entries


def _fields_beside_tables(data: Data) -> Iterator[Complaint]:
    """Fields that the tracker's own table has in parts, or as a part of another, or that are the gate's own."""
    for tracker, collector in entries(data.get("collectors")):
        if tracker not in trackers.NAMES:
            continue
        table = trackers.find(tracker)
        for field, category in entries(as_mapping(collector).get("fields")):
            if category in FIELD_CATEGORIES and (found := _misfit(table, field)):
                message, fix = found
                yield Complaint(message, fix, ("collectors", tracker, "fields", field), at_key=True)


def _misfit(table: TrackerTable, field: str) -> tuple[str, str] | None:
    if field in {STAMP_FIELD, *table.token_fields, *table.documents} or field.startswith(f"{STAMP_FIELD}."):
        return f"{quoted(field)} is the gate's own field.", "Delete this line."
    if table.name == "plain":  # the policy's map takes its table's place
        return None
    names = tuple(table.split(field))
    for known in table.fields:
        there = tuple(table.split(known))
        shorter = min(len(names), len(there))
        if len(names) == len(there) or names[:shorter] != there[:shorter]:
            continue
        if len(names) < len(there):
            fix = f"List the parts that are yours, such as {field}.plan, or delete this line."
            return f"{table.name} sends {quoted(field)} in parts, such as {quoted(known)}.", fix
        return f"{table.name} sends {quoted(known)} as a whole, without parts.", "Delete this line."
    return None


#: To give to the reader of a policy.
FIELD_RULES: tuple[Callable[[Data], Iterator[Complaint]], ...] = (_fields_beside_tables,)

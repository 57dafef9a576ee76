"""What a tracker's event says, fact by fact, each with its acquisition category: for showing, not for deciding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cookiegate.gate import documents
from cookiegate.gate.carriers import TOKEN_COOKIE, TOKEN_HEADER, cookies
from cookiegate.gate.events import STAMP_FIELD
from cookiegate.gate.trackers.table import TrackerTable
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.reasons import Denied

#: The category of what no table knows: it is never logged, whatever the visitor allows.
UNKNOWN = "unknown"
EVENT = "event"
ORDER = (*CATEGORIES, EVENT, UNKNOWN)
#: They belong to the connection, or are the gate's own writing: the gate does not count them either.
_SILENT_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host",
        "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", TOKEN_HEADER,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One field, header or cookie. ``value`` is its text as it stood on the wire."""

    category: str
    name: str
    value: str


class FactReader:
    """Reads one tracker's events.

    Args:
        table: the tracker's table.
        fields: the policy's own map; for ``plain`` it takes the table's place.
    """

    def __init__(self, table: TrackerTable, fields: Mapping[str, str]) -> None:
        self._table = table
        self._fields = dict(fields) if fields and table.name == "plain" else {**table.fields, **fields}

    def event(self, event: Mapping[str, Any]) -> list[Fact]:
        """The facts in one event; its token and the gate's stamp are none."""
        found: list[Fact] = []
        for name, value in event.items():
            if name in self._table.documents:
                found += self._document(name, value)
            elif name not in self._table.token_fields and name != STAMP_FIELD:
                found.append(Fact(self._fields.get(name, UNKNOWN), name, _text(value)))
        return found

    def _document(self, name: str, value: Any) -> Iterator[Fact]:
        document = self._table.documents[name]
        try:
            read = documents.parse(value, document)
        except Denied:
            yield Fact(UNKNOWN, name, "")
            return
        is_one = document.kind == "event" and isinstance(read, Mapping)
        inner = {"data": [read.get("data")]} if is_one else read
        for schema, data in documents.contexts(inner):
            if schema == self._table.token_schema:
                continue
            vendor_name = schema.removeprefix("iglu:").rpartition("-")[0].rpartition("-")[0]
            members = self._table.schemas.get(vendor_name, {})
            for member, item in data.items():
                yield Fact(members.get(member, UNKNOWN), f"{schema.split('/')[1]}.{member}", _text(item))

    def request(self, headers: Mapping[str, str], address: str | None) -> list[Fact]:
        """The facts around an event: the headers by lower-case name, the cookies, and the connection's address."""
        found = [Fact("ip", "address", address)] if address else []
        for name, value in headers.items():
            if name == "cookie":
                found += self._cookies(value)
            elif name not in _SILENT_HEADERS:
                found.append(Fact(self._table.category_of_header(name) or UNKNOWN, name, value))
        return found

    def _cookies(self, header: str) -> Iterator[Fact]:
        for name, value in cookies(header).items():
            if name != TOKEN_COOKIE:
                yield Fact(self._table.cookies.get(name, UNKNOWN), f"cookie {name}", value)


def compare(came: Iterable[Fact], kept: Iterable[Fact]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was logged, and what was taken out before.

    Args:
        came: the facts of the request. Their values end here.
        kept: the facts of the log line.

    Returns:
        Groups by category, in the order of notices: logged ones with names and values (and whether a value is only
        a part of what came), removed ones with names alone.
    """
    before = {fact.name: fact for fact in came}
    after = {fact.name: fact for fact in kept}
    logged: dict[str, list[dict[str, Any]]] = {}
    removed: dict[str, list[str]] = {}
    for fact in after.values():
        was = before.get(fact.name)
        shown = {"name": fact.name, "value": fact.value, "cut": was is not None and was.value != fact.value}
        logged.setdefault(fact.category, []).append(shown)
    for fact in before.values():
        if fact.name not in after:
            removed.setdefault(fact.category, []).append(fact.name)
    return (
        [{"category": category, "fields": logged[category]} for category in ORDER if category in logged],
        [{"category": category, "names": removed[category]} for category in ORDER if category in removed],
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

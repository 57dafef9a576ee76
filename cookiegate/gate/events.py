"""One event of a tracker: its token, its type, and what a grant leaves of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cookiegate.gate import attributes, documents
from cookiegate.gate.allowance import Allowance
from cookiegate.gate.binding import Binding
from cookiegate.gate.carriers import Scrubber
from cookiegate.gate.event_times import EventTimes
from cookiegate.gate.fields import Tree, compile_fields, strip
from cookiegate.gate.sensitive import rule_of
from cookiegate.gate.trackers.table import Route, TrackerTable
from cookiegate.tokens.reasons import Denied, Reason

STAMP_FIELD = "consent"


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event whose documents have been read.

    Args:
        fields: all its fields, those that it shares with others among them.
        documents: what its documents say.
        token: whatever stood in the token's own place, or None.
        shared: those of its fields that it shares with others of its request.
    """

    fields: Mapping[str, Any]
    documents: Mapping[str, Any]
    token: Any
    shared: Mapping[str, Any] = field(default_factory=dict)


class EventRules:
    """A tracker's table, compiled for stripping.

    Args:
        table: the tracker's table.
        fields: the policy's map; for ``plain`` it takes the table's place, for others it adds to it.

    Raises:
        ValueError: for a map that names unknown categories, or the token's or the stamp's own field.
    """

    def __init__(self, table: TrackerTable, fields: Mapping[str, str] | None = None) -> None:
        self._table = table
        mapped = dict(fields or {}) if fields and table.name == "plain" else {**table.fields, **(fields or {})}
        reserved = {STAMP_FIELD, *table.token_fields, *table.documents}
        for name in mapped:
            if name in reserved or name.startswith(f"{STAMP_FIELD}."):
                raise ValueError(f"{name} cannot be mapped: it is the gate's own field")
        #: Field → category.
        self.categories: Mapping[str, str] = mapped
        #: Field → what it needs to pass: its category, or for a sensitive one a rule of its own.
        self.mapped: Mapping[str, str] = {name: rule_of(name, category) for name, category in mapped.items()}
        self.times = EventTimes(table.time_fields, table.split)
        self.binding = Binding(table.name, table.binding_fields, table.split, table.binding_same)
        #: The same as a tree.
        self.tree: Tree = compile_fields(mapped, table.split)
        #: By route, the members around its events.
        self.around: Mapping[Route, Tree] = {route: compile_fields(route.members) for route in table.routes}
        #: Of documents, by ``vendor/name/jsonschema/model``.
        self.schemas: Mapping[str, Tree] = {name: compile_fields(members) for name, members in table.schemas.items()}
        #: Where an event may have its token, the first first.
        self.token_paths = tuple(table.split(path) for path in table.token_fields)
        #: What is left out without being counted.
        self.silent = frozenset(
            {*table.token_fields, f"{(table.token_schema or '').partition('/')[2].partition('/')[0]}.*"}
        )

    def open(self, event: object, shared: Mapping[str, Any] | None = None) -> OpenEvent:
        """Reads the event's documents and finds its token.

        Args:
            event: what it has alone.
            shared: what :meth:`open_shared` gave of the rest.

        Raises:
            Denied: event_malformed if it is no object.
        """
        if not isinstance(event, Mapping):
            raise Denied(Reason.EVENT_MALFORMED)
        event = self.open_shared(event)
        if shared:
            event = {**event, **shared}
        found: dict[str, Any] = {}
        for name, document in self._table.documents.items():
            if name in event:
                try:
                    found[name] = documents.parse(event[name], document)
                except Denied:
                    found[name] = None
        return OpenEvent(event, found, self._token(event, found), shared or {})

    def open_shared(self, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        """What events share, with its typed values as plain ones."""
        if self._table.attributes:
            return attributes.opened(shared, self._table.attributes, self._table.values)
        return shared

    def _token(self, event: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
        for path in self.token_paths:
            value: Any = event
            for name in path:
                value = value.get(name) if isinstance(value, Mapping) else None
            if value is not None and value != "":
                return value
        if self._table.token_schema is not None:
            for value in found.values():
                for schema, data in documents.contexts(value):
                    if schema == self._table.token_schema:
                        return data.get("token") or ""
        return None

    def strip(self, opened: OpenEvent, allowance: Allowance, scrubber: Scrubber, stripped: list[str]) -> dict[str, Any]:
        """A new event with only what the allowance grants of what it has alone, and no token in it.

        Raises:
            Denied: event_malformed or event_unknown.
        """
        self._check_type(opened)
        names: list[str] = []
        elsewhere = opened.documents.keys() | opened.shared.keys()
        plain = {name: value for name, value in opened.fields.items() if name not in elsewhere}
        kept = scrubber.scrub(strip(plain, self.tree, allowance, names))
        for name, value in opened.documents.items():
            text = self._strip_document(name, value, opened, allowance, scrubber, names)
            if text is None:
                names.append(name)
            else:
                kept[name] = text
        stripped.extend(name for name in names if name not in self.silent)
        return self._closed(kept)

    def strip_shared(
        self, shared: Mapping[str, Any], allowance: Allowance, scrubber: Scrubber, stripped: list[str]
    ) -> dict[str, Any]:
        """What a grant leaves of what events share."""
        names: list[str] = []
        kept = scrubber.scrub(strip(shared, self.tree, allowance, names))
        stripped.extend(name for name in names if name not in self.silent)
        return self._closed(kept)

    def _closed(self, kept: dict[str, Any]) -> dict[str, Any]:
        if self._table.attributes:
            return attributes.closed(kept, self._table.attributes, self._table.values)
        return kept

    def strip_around(
        self, route: Route, around: Mapping[str, Any], allowance: Allowance, scrubber: Scrubber, stripped: list[str]
    ) -> dict[str, Any]:
        """What a grant leaves of the members around a request's events."""
        left: dict[str, Any] = scrubber.scrub(strip(around, self.around[route], allowance, stripped))
        return left

    def _strip_document(
        self,
        name: str,
        value: Any,
        opened: OpenEvent,
        allowance: Allowance,
        scrubber: Scrubber,
        names: list[str],
    ) -> str | None:
        document = self._table.documents[name]
        if document.kind == "contexts":
            kept = documents.strip_contexts(value, document, self.schemas, allowance, names)
        elif document.of_type is None or opened.fields.get(str(self._table.type_field)) == document.of_type:
            kept = documents.strip_event(value, document, self.schemas, allowance, names)
        else:
            kept = None
        return None if kept is None else documents.write(scrubber.scrub(kept), document)

    def _check_type(self, opened: OpenEvent) -> None:
        if self._table.type_field is None:
            return
        kind = opened.fields.get(self._table.type_field)
        if not isinstance(kind, str):
            raise Denied(Reason.EVENT_MALFORMED)
        if self._table.types and kind not in self._table.types:
            raise Denied(Reason.EVENT_UNKNOWN)
        needed = [name for name, document in self._table.documents.items() if document.of_type == kind]
        if needed and not any(name in opened.documents for name in needed):
            raise Denied(Reason.EVENT_MALFORMED)

"""Self-describing JSON documents inside a field: each member is judged by the schema that the document names.

Source: Iglu's self-describing JSON (``schema`` and ``data``), as Snowplow's tracker protocol carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cookiegate.gate import bodies
from cookiegate.gate.allowance import Allowance
from cookiegate.gate.fields import Tree, strip
from cookiegate.gate.trackers.table import Document
from cookiegate.tokens import base64url
from cookiegate.tokens.reasons import Denied, Reason

#: Two digits a number are enough for a version, and too few to carry an identifier.
_SCHEMA = re.compile(r"iglu:([A-Za-z0-9_.-]{1,128}/[A-Za-z0-9_-]{1,128}/jsonschema/[1-9]\d?)-\d{1,2}-\d{1,2}", re.ASCII)


def parse(text: object, document: Document) -> Any:
    """The JSON behind a field's text.

    Raises:
        Denied: event_malformed if it is not text, not base64url where it should be, or not JSON.
    """
    if not isinstance(text, str):
        raise Denied(Reason.EVENT_MALFORMED)
    if not document.base64:
        return bodies.read_json(text)
    try:
        # Some trackers leave the padding on.
        return bodies.read_json(base64url.decode(text.rstrip("=")))
    except ValueError as error:
        raise Denied(Reason.EVENT_MALFORMED) from error


def write(value: Any, document: Document) -> str:
    """The text of a field that holds ``value``."""
    data: bytes = msgspec.json.encode(value)
    return base64url.encode(data) if document.base64 else data.decode()


def contexts(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Schema and data of each document in a wrapper of contexts; whatever is none of these is passed over."""
    items = value.get("data") if isinstance(value, Mapping) else None
    for item in items if isinstance(items, list) else ():
        found = _self_described(item)
        if found is not None:
            yield found


def strip_contexts(
    value: Any, document: Document, schemas: Mapping[str, Tree], allowance: Allowance, stripped: list[str]
) -> dict[str, Any] | None:
    """The wrapper with only known contexts and granted members; None if nothing is left."""
    kept = []
    for schema, data in contexts(value):
        inner = _strip_known(schema, data, schemas, allowance, stripped)
        if inner:
            kept.append({"schema": schema, "data": inner})
    return {"schema": document.wrapper, "data": kept} if kept else None


def strip_event(
    value: Any, document: Document, schemas: Mapping[str, Tree], allowance: Allowance, stripped: list[str]
) -> dict[str, Any]:
    """The wrapper with its one document, granted members only.

    Raises:
        Denied: event_malformed if it is no such wrapper, event_unknown if nobody mapped the schema.
    """
    found = _self_described(value.get("data") if isinstance(value, Mapping) else None)
    if found is None:
        raise Denied(Reason.EVENT_MALFORMED)
    schema, data = found
    inner = _strip_known(schema, data, schemas, allowance, stripped)
    if inner is None:
        raise Denied(Reason.EVENT_UNKNOWN)
    return {"schema": document.wrapper, "data": {"schema": schema, "data": inner}}


def _self_described(item: Any) -> tuple[str, Mapping[str, Any]] | None:
    if not isinstance(item, Mapping):
        return None
    schema, data = item.get("schema"), item.get("data")
    return (schema, data) if isinstance(schema, str) and isinstance(data, Mapping) else None


def _strip_known(
    schema: str, data: Mapping[str, Any], schemas: Mapping[str, Tree], allowance: Allowance, stripped: list[str]
) -> dict[str, Any] | None:
    matched = _SCHEMA.fullmatch(schema)
    tree = schemas.get(matched[1]) if matched else None
    short = schema.split("/")[1] if matched else "schema"
    if tree is None:
        stripped.append(f"{short}.*")
        return None
    return strip(data, tree, allowance, stripped, f"{short}.")

"""Gates as tests need them, and what is sent through them to find where their two ways part."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from cookiegate.gate import Gate
from cookiegate.gate.request import read_line

#: Values and names that stand where nobody expects them.
_ODD = (
    None, True, 0, -1.5, 2**64, "", "x", [], {}, [1, "a"], [[1]], [{}], [{"a": 1}], {"a": {}}, "203.0.113.9",
    "2026-11-18T11:06:40Z", "2001-01-01T00:00:00Z", 1_795_000_000_000, {"url": "x"}, [{"url": "x"}, 1],
)  # fmt: skip
NAMES = ("zz", "batch", "$os", "a'b", 'q"', "a\\b", "", "consent", "token", "url", "context", "é")


def thorough(gate: Gate) -> Gate:
    """The same gate without its quick way."""
    gate.projections.routes = frozenset()
    return gate


def changed(value: Any, data: st.DataObject, depth: int = 0) -> Any:
    """JSON with something odd in it."""
    if isinstance(value, list) and value and depth < 6:
        return [changed(value[0], data, depth + 1), *value[1:]]
    if not isinstance(value, dict) or not value or depth > 6:
        return data.draw(st.sampled_from(_ODD))
    name = data.draw(st.sampled_from([*sorted(value), *NAMES]))
    if name in value and isinstance(value[name], dict | list) and data.draw(st.booleans()):
        return {**value, name: changed(value[name], data, depth + 1)}
    return {**value, name: data.draw(st.sampled_from(_ODD))}


def shown(gate: Gate, line: bytes) -> tuple[list[Any], Any]:
    """What goes on of a request, as JSON, and the counts."""
    filtered = gate.filter(read_line(line))
    out = [
        (json.loads(body) if (body := accepted.body or b"null")[:1] in (b"{", b"[", b"n") else body)
        for accepted in filtered.accepted
    ]
    rest = [
        (accepted.path, dict(accepted.headers), accepted.ip, accepted.events, accepted.claims)
        for accepted in filtered.accepted
    ]
    return [out, rest], filtered.counts

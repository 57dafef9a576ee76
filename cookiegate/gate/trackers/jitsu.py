"""Jitsu's ingest API, as ``@jitsu/js`` 1.11.0 speaks it: a call each, its type in the address."""

from __future__ import annotations

from cookiegate.gate.trackers import _calls as calls
from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

_ANSWER = Answer(200, {"content-type": "application/json"}, b'{"ok":true}')

TABLE = TrackerTable(
    name="jitsu",
    routes=tuple(
        Route("POST", f"/api/s/{prefix}{call}", "body", _ANSWER)
        for prefix in ("", "s2s/")
        for call in sorted(calls.TYPES)
    ),
    content_type="application/json",
    fields=calls.FIELDS,
    # The write key names the source.
    headers={"x-write-key": "event"},
    type_field="type",
    types=calls.TYPES,
    token_fields=calls.TOKEN_FIELDS,
    id_fields=calls.ID_FIELDS,
    time_fields=calls.TIME_FIELDS,
    binding_fields=("anonymousId",),
)

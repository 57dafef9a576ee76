"""Segment's HTTP tracking API, as ``@segment/analytics-next`` 1.84.3 speaks it."""

from __future__ import annotations

from cookiegate.gate.trackers import _calls as calls
from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

_ANSWER = Answer(200, {"content-type": "application/json"}, b'{"success":true}')
#: The browser's library shortens the calls' names, those of servers do not.
_CALLS = "p s t i g a page screen track identify group alias"

TABLE = TrackerTable(
    name="segment",
    routes=(
        *(Route("POST", f"/v1/{call}", "body", _ANSWER) for call in _CALLS.split()),
        *(
            Route("POST", path, "body", _ANSWER, list_at="batch", members=calls.BATCH_MEMBERS)
            for path in ("/v1/b", "/v1/batch")
        ),
    ),
    content_type="text/plain",
    fields=calls.FIELDS,
    # Holds the write key, which names the source.
    headers={"authorization": "event"},
    type_field="type",
    types=calls.TYPES,
    token_fields=calls.TOKEN_FIELDS,
    id_fields=calls.ID_FIELDS,
    time_fields=calls.TIME_FIELDS,
    binding_fields=("anonymousId",),
)

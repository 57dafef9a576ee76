"""RudderStack's HTTP API, as ``@rudderstack/analytics-js`` 3.34.1 speaks it.

Besides the body, the header ``AnonymousId`` tells who it is, in base64.
"""

from __future__ import annotations

from cookiegate.gate.trackers import _calls as calls
from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

_ANSWER = Answer(200, {"content-type": "text/plain; charset=utf-8"}, b"OK")
_BEACON = "/beacon/v1/batch"

TABLE = TrackerTable(
    name="rudderstack",
    routes=(
        *(Route("POST", f"/v1/{call}", "body", _ANSWER) for call in sorted(calls.TYPES)),
        Route("POST", "/v1/batch", "body", _ANSWER, list_at="batch", members=calls.BATCH_MEMBERS),
        # A beacon cannot carry a header: the write key is in the address.
        Route(
            "POST",
            _BEACON,
            "body",
            _ANSWER,
            list_at="batch",
            members=calls.BATCH_MEMBERS,
            query={"writeKey": "event"},
            content_type="text/plain",
        ),
    ),
    content_type="application/json;charset=UTF-8",
    fields=calls.FIELDS,
    # Holds the write key, which names the source.
    headers={"authorization": "event", "sentat": "event", "anonymousid": "identifier"},
    type_field="type",
    types=calls.TYPES,
    token_fields=calls.TOKEN_FIELDS,
    id_fields=calls.ID_FIELDS,
    time_fields=calls.TIME_FIELDS,
    binding_fields=("anonymousId",),
)

"""Umami's collect API, as its tracker (3.x, read in source) speaks it.

Event data is what a site makes of it: it passes once the policy's ``collectors.umami.fields`` maps it
(``payload.data.plan: event``). The token rides by ``data-before-send``; the tracker omits cookies.
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Route, TimeField, TrackerTable

#: The tracker keeps what it is told as ``cache``, which would name the session: there is none.
_ANSWER = Answer(200, {"content-type": "application/json"}, b"{}")
#: In ``payload``.
_BY_CATEGORY: Mapping[str, str] = {
    "event": "website name tag timestamp data.commerce.currency data.commerce.items.price data.commerce.items.quantity",
    "ip": "ip",
    "device": "userAgent browser os device",
    "language": "language",
    "screen": "screen",
    "browsing": "url referrer title hostname",
    "identifier": "id data.commerce.cartId data.commerce.checkoutId data.commerce.orderId",
    "other": "lcp inp cls fcp ttfb duration",
}

TABLE = TrackerTable(
    name="umami",
    routes=(
        Route("POST", "/api/send", "body", _ANSWER),
        Route("POST", "/api/batch", "body", _ANSWER, many=True),
    ),
    content_type="application/json",
    fields={"type": "event"}
    | {f"payload.{name}": category for category, names in _BY_CATEGORY.items() for name in names.split()},
    headers={"x-umami-cache": "identifier", "x-umami-website-id": "event", "x-umami-hostname": "browsing"},
    type_field="type",
    types=frozenset({"event", "identify", "performance"}),
    token_fields=("payload.consent_token", "payload.data.consent_token", "consent_token"),
    id_fields=("payload.id",),
    time_fields=(TimeField("payload.timestamp", "s"),),
    binding_fields=("payload.id",),
)

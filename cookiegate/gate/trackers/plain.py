"""Plain JSON events: any flat object, by the names that people commonly use.

A policy's ``collectors.plain.fields`` takes the place of this field map.
"""

from __future__ import annotations

from collections.abc import Mapping

from cookiegate.gate.trackers.table import Answer, Route, TimeField, TrackerTable

TOKEN_FIELD = "consent_token"  # noqa: S105  a field's name

_BY_CATEGORY: Mapping[str, str] = {
    "event": (
        "event name type action label tags event_id time timestamp value amount price currency quantity order_id"
        " sku version site app environment"
    ),
    "ip": "ip ip_address client_ip remote_addr",
    "device": (
        "user_agent os os_version browser browser_version device device_type device_model platform engine"
        " cookies_enabled"
    ),
    "language": "language languages locale accept_language",
    "screen": "screen screen_width screen_height viewport viewport_width viewport_height color_depth pixel_ratio",
    "browsing": (
        "url page page_url page_title path query hash host hostname referrer referer title search"
        " utm_source utm_medium utm_campaign utm_term utm_content scroll_depth engagement_time"
    ),
    "identifier": "client_id user_id session_id visitor_id anonymous_id device_id cookie_id page_view_id",
    "other": "timezone timezone_offset protocol connection javascript",
}
_ANSWER = Answer(204)

TABLE = TrackerTable(
    name="plain",
    routes=tuple(Route("POST", path, "body", _ANSWER, many=True) for path in ("/events", "/event", "/", "")),
    content_type="application/json",
    fields={name: category for category, names in _BY_CATEGORY.items() for name in names.split()},
    token_fields=(TOKEN_FIELD,),
    id_fields=("client_id", "session_id", "user_id"),
    time_fields=(
        TimeField("time", "rfc3339"),
        TimeField("timestamp", "rfc3339"),
        TimeField("time", "ms"),
        TimeField("timestamp", "ms"),
    ),
    binding_fields=("client_id", "device_id", "anonymous_id", "visitor_id"),
)

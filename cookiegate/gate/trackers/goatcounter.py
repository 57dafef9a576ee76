"""GoatCounter's count endpoint, as ``count.js`` (read in source) speaks it: an image, or a beacon without a body."""

from __future__ import annotations

from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_IMAGE = Answer(200, {"content-type": "image/gif"}, _PIXEL)

TABLE = TrackerTable(
    name="goatcounter",
    routes=(Route("GET", "/count", "query", _IMAGE), Route("POST", "/count", "query", _IMAGE)),
    content_type="text/plain",
    fields={
        "e": "event",
        "rnd": "event",
        # Whether the browser calls itself a robot.
        "b": "device",
        "s": "screen",
        "p": "browsing",
        "r": "browsing",
        "t": "browsing",
        "q": "browsing",
    },
    token_fields=("consent_token",),
)

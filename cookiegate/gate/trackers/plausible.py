"""Plausible's events API, as ``@plausible-analytics/tracker`` 0.4.6 and the documented long names speak it.

Custom properties (``p``) are what a site makes of them: only those that the tracker itself fills in are known, and
others pass once the policy's ``collectors.plausible.fields`` maps them (``p.plan: event``).
"""

from __future__ import annotations

from cookiegate.gate.trackers.table import Answer, Route, TrackerTable

TABLE = TrackerTable(
    name="plausible",
    routes=(Route("POST", "/api/event", "body", Answer(202, {"content-type": "text/plain; charset=utf-8"}, b"ok")),),
    content_type="text/plain",
    fields={
        "n": "event",
        "name": "event",
        "v": "event",
        "d": "event",
        "domain": "event",
        "i": "event",
        "interactive": "event",
        "h": "event",
        "hash": "event",
        "$.currency": "event",
        "$.amount": "event",
        "revenue.currency": "event",
        "revenue.amount": "event",
        "u": "browsing",
        "url": "browsing",
        "r": "browsing",
        "referrer": "browsing",
        # Seconds of attention and scroll depth of an engagement event.
        "e": "browsing",
        "sd": "browsing",
        # Filled in by the tracker for outbound links, downloads and forms.
        "p.url": "browsing",
        "p.path": "browsing",
        "props.url": "browsing",
        "props.path": "browsing",
        "w": "screen",
        "screen_width": "screen",
    },
    type_field="n",
    token_fields=("consent_token", "p.consent_token", "props.consent_token"),
)

"""Requests of trackers that are on no package registry, written down from their protocol's documentation or source."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
_HEADERS = {
    "User-Agent": _AGENT,
    "Accept-Language": "ja-JP",
    "Referer": "http://shop.test/",
    "Sec-CH-UA-Platform": '"Linux"',
    "X-Forwarded-For": "203.0.113.9",
    "Cookie": "session=made-up",
}
_URL, _BEFORE = "http://shop.test/bowls?size=2#red", "http://shop.test/before"

_MATOMO = {
    "action_name": "Bowls", "idsite": "1", "rec": "1", "r": "123456", "h": "20", "m": "6", "s": "40", "url": _URL,
    "urlref": _BEFORE, "_id": "1a2b3c4d5e6f7a8b", "_idn": "1", "send_image": "0", "_refts": "0", "pv_id": "a1b2c3",
    "pf_net": "1", "pf_srv": "10", "pf_tfr": "1", "pf_dm1": "20",
    "uadata": json.dumps({"fullVersionList": [{"brand": "Chromium", "version": "156.0.0.0"}], "platform": "Linux"}),
    "pdf": "1", "qt": "0", "realp": "0", "wma": "0", "fla": "0", "java": "0", "ag": "0", "cookie": "1",
    "res": "1280x720", "dimension1": "gold",
}  # fmt: skip
_MATOMO_EVENT = {**_MATOMO, "ca": "1", "e_c": "shop", "e_a": "buy", "e_n": "bowl", "e_v": "3"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
_TOKEN = {"ct": "{token}"}

_GA4_SHARED = {
    "v": "2", "tid": "G-MADEUP", "gtm": "45je6b1", "_p": "1795000000000", "gcd": "13l3l3l3l1l1", "npa": "0", "dma": "0",
    "cid": "1111111111.1795000000", "ul": "ja-jp", "sr": "1280x720", "uaa": "x86", "uab": "64",
    "uafvl": "Chromium;156.0.0.0", "uamb": "0", "uam": "", "uap": "Linux", "uapv": "6.1", "uaw": "0", "are": "1",
    "frm": "0", "pscdl": "noapi", "_s": "1", "sid": "1795000000", "sct": "1", "seg": "0", "dl": _URL, "dr": _BEFORE,
    "dt": "Bowls",
}  # fmt: skip
_GA4_VIEW = {"en": "page_view", "_fv": "1", "_nsi": "1", "_ss": "1", "_ee": "1", "tfd": "500"}
_GA4_BUY = {"en": "purchase", "_et": "1200", "cu": "JPY", "epn.value": "1200", "ep.plan": "gold", "up.level": "4"}

_UMAMI = {
    "website": "b59e9c65-ae32-47f1-8400-119fcf4861c4", "screen": "1280x720", "language": "ja-JP", "title": "Bowls",
    "hostname": "shop.test", "url": _URL, "referrer": "/before", "tag": "spring", "id": "user-1",
    "consent_token": "{token}",
}  # fmt: skip
_UMAMI_HEADERS = {
    "Content-Type": "application/json",
    "x-umami-website-id": "b59e9c65-ae32-47f1-8400-119fcf4861c4",
    "x-umami-hostname": "shop.test",
    "x-umami-cache": "made.up.cache",
}
_COUNT = {
    "p": "/bowls?size=2", "r": _BEFORE, "t": "Bowls", "s": "1280,720,1", "b": "150", "q": "?size=2", "rnd": "a1b2c",
}  # fmt: skip
_RESOURCE = {
    "attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}},
        {"key": "session.id", "value": {"stringValue": "session-1"}},
        {"key": "browser.language", "value": {"stringValue": "ja-JP"}},
        {"key": "browser.brands", "value": {"arrayValue": {"values": [{"stringValue": "Chromium 156"}]}}},
    ]
}
_CONSENT = {"key": "consent_token", "value": {"stringValue": "{token}"}}
_NANO = "1795000000000000000"
_LOG = {
    "timeUnixNano": _NANO, "severityNumber": 9, "severityText": "INFO", "body": {"stringValue": "a bowl was bought"},
    "attributes": [
        _CONSENT,
        {"key": "event.name", "value": {"stringValue": "bought"}},
        {"key": "url.full", "value": {"stringValue": _URL}},
        {"key": "app.plan", "value": {"stringValue": "gold"}},
    ],
}  # fmt: skip
_METRIC = {
    "name": "page.loads", "unit": "1",
    "sum": {
        "aggregationTemporality": 2, "isMonotonic": True,
        "dataPoints": [
            {
                "attributes": [
                    {"key": "url.path", "value": {"stringValue": "/bowls"}},
                    {"key": "user_agent.original", "value": {"stringValue": _AGENT}},
                ],
                "startTimeUnixNano": _NANO, "timeUnixNano": _NANO, "asInt": "3",
            }
        ],
    },
}  # fmt: skip


def _line(note: str, method: str, path: str, headers: dict[str, str], body: str | None = None) -> dict[str, Any]:
    return {
        "note": f"written {note}", "received_at": "2026-11-18T11:06:40Z", "ip": "203.0.113.9", "method": method,
        "path": path, "headers": {**_HEADERS, **headers}, "body": body,
    }  # fmt: skip


def documented() -> dict[tuple[str, str], dict[str, Any]]:
    """Tracker and shape → fixture, without the fields' categories."""
    by = "by Matomo's HTTP tracking API and matomo.js"
    bulk = [f"?{urlencode({**event, **_TOKEN})}" for event in (_MATOMO, _MATOMO_EVENT)]
    found = {
        ("matomo", "beacon"): _line(by, "POST", f"/matomo.php?{urlencode({**_MATOMO, **_TOKEN})}", _FORM, ""),
        ("matomo", "image"): _line(by, "GET", f"/matomo.php?{urlencode({**_MATOMO_EVENT, **_TOKEN})}", {}),
        ("matomo", "form"): _line(by, "POST", "/matomo.php", _FORM, urlencode({**_MATOMO_EVENT, **_TOKEN})),
        ("matomo", "bulk"): _line(by, "POST", "/matomo.php", _FORM, json.dumps({"requests": bulk, "send_image": 0})),
    }
    by = "by GA4's documentation; not seen on the wire"
    single = urlencode({**_GA4_SHARED, **_GA4_VIEW, "ep.consent_token": "{token}"})
    lines = "\r\n".join(urlencode({**event, "ep.consent_token": "{token}"}) for event in (_GA4_VIEW, _GA4_BUY))
    plain = {"Content-Type": "text/plain;charset=UTF-8"}
    found |= {
        ("ga4", "single"): _line(by, "POST", f"/g/collect?{single}", plain, ""),
        ("ga4", "image"): _line(by, "GET", f"/g/collect?{single}", {}),
        ("ga4", "lines"): _line(by, "POST", f"/g/collect?{urlencode(_GA4_SHARED)}", plain, lines),
    }
    by = "by the source of Umami's tracker 3"
    view = {"type": "event", "payload": _UMAMI}
    named = {"type": "event", "payload": {**_UMAMI, "name": "bought", "data": {"plan": "gold"}}}
    known = {"type": "identify", "payload": {**_UMAMI, "data": {"plan": "gold"}}}
    found |= {
        ("umami", "view"): _line(by, "POST", "/api/send", _UMAMI_HEADERS, json.dumps(view)),
        ("umami", "event"): _line(by, "POST", "/api/send", _UMAMI_HEADERS, json.dumps(named)),
        ("umami", "identify"): _line(by, "POST", "/api/send", _UMAMI_HEADERS, json.dumps(known)),
        ("umami", "batch"): _line(by, "POST", "/api/batch", _UMAMI_HEADERS, json.dumps([view, named])),
    }
    by = "by the source of GoatCounter's count.js"
    found |= {
        ("goatcounter", "image"): _line(by, "GET", f"/count?{urlencode({**_COUNT, **_TOKEN})}", {}),
        ("goatcounter", "beacon"): _line(by, "POST", f"/count?{urlencode({**_COUNT, 'e': 'true', **_TOKEN})}", {}, ""),
    }
    by = "by the OTLP specification's JSON"
    scope = {"name": "shop", "version": "1.2"}
    logs = {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"scope": scope, "logRecords": [_LOG, _LOG]}]}]}
    metrics = {"resourceMetrics": [{"resource": _RESOURCE, "scopeMetrics": [{"scope": scope, "metrics": [_METRIC]}]}]}
    as_json, header = {"Content-Type": "application/json"}, {"x-consent-token": "{token}"}
    found |= {
        ("otlp", "logs"): _line(by, "POST", "/v1/logs", as_json, json.dumps(logs)),
        ("otlp", "metrics"): _line(by, "POST", "/v1/metrics", {**as_json, **header}, json.dumps(metrics)),
    }
    packed = {**as_json, "Content-Encoding": "gzip"}
    found["otlp", "logs-gzip"] = _line(by, "POST", "/v1/logs", packed, json.dumps(logs)) | {"packing": "gzip"}
    return found

"""The recorded requests taken apart, so that batches of any length can be made of their events."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from support.tracker_fixtures import PLACEHOLDER, Fixture, fixtures

from cookiegate.clock import rfc3339

#: Stands in fields, headers and cookies that no grant lets pass: no engine may write it.
MARKER = "must-not-pass"
#: The moment of the recordings.
_MS = "1795000000000"
_DAY = "2026-11-18T11:06:40"
_LISTS = ("batch", "requests", "data", "spans", "logRecords", "metrics")
_NESTED = tuple(f"{level}{kind}" for level in ("resource", "scope") for kind in ("Spans", "Logs", "Metrics"))
#: Trackers whose recorded events tell no time, and one shape of another.
_TIMELESS = ("plausible", "goatcounter", "ga4", "matomo", "umami", "otlp/metrics")
_CLIENT_IDS = {
    "ga4": r"[?&]cid=([^&]+)",
    "jitsu": r'"anonymousId": ?"([^"]+)"',
    "matomo": r"[?&]_id=([^&]+)",
    "plain": r'"client_id": ?"([^"]+)"',
    "posthog": r'"\$device_id": ?"([^"]+)"',
    "rudderstack": r'"anonymousId": ?"([^"]+)"',
    "segment": r'"anonymousId": ?"([^"]+)"',
    "snowplow": r'(?:"duid": ?"|[?&]duid=)([^"&]+)',
    "umami": r'"id": ?"([^"]+)"',
}
#: Trackers that send a closed list of event types, all in the member ``type``.
TYPED = ("segment", "rudderstack", "jitsu", "umami")


@dataclass(frozen=True)
class Shape:
    """One request shape: its line around the events, and the texts of events that it is made of.

    Args:
        tracker, name: the fixture's.
        line: method, path, headers and address.
        items: texts of events, each with a place for a token, or for the times alone where the request has one token.
        around: what stands before and after the list of events in the body; None if the body is one event, or none.
        is_path: whether the item is the address itself.
        separator: between the events of a list.
        shares_token: whether the request has one token for all its events.
        packing: as the fixture says.
    """

    tracker: str
    name: str
    line: dict[str, Any]
    items: tuple[str, ...]
    around: tuple[str, str] | None
    is_path: bool
    separator: str
    shares_token: bool
    packing: str | None

    @property
    def tells_time(self) -> bool:
        """Whether its events tell when they happened."""
        return not {self.tracker, f"{self.tracker}/{self.name}"} & set(_TIMELESS)

    @property
    def has_json(self) -> bool:
        """Whether its body is JSON as it goes over the wire."""
        return not self.is_path and self.items[0].startswith("{") and self.packing is None

    def client_id(self, item: str) -> str | None:
        """The tracker's own id of the client in an event, that tokens may be bound to."""
        pattern = _CLIENT_IDS.get(self.tracker)
        found = re.search(pattern, item + self.line["path"]) if pattern else None
        return found[1] if found else None

    def fill(self, item: str, token: str, at_ms: int) -> str:
        """An event of a token and a time."""
        text = _filled(item, token)
        if not self.tells_time:
            return text
        text = text.replace(f"{_MS}000000", f"{at_ms}000000").replace(_MS, str(at_ms))
        return text.replace(_MS[:10], str(at_ms // 1000)).replace(_DAY, rfc3339(at_ms)[:19])

    def invent(self, item: str) -> str:
        """The same event of a type that no table knows."""
        return json.dumps({**json.loads(item), "type": "invented"})

    def add_unknown(self, item: str) -> str:
        """The same event with a field that nobody knows, and a sensitive one."""
        fields = {"nobody_knows": MARKER, "blood_type": MARKER}
        if item.endswith("}"):
            return f"{item[:-1]},{json.dumps(fields)[1:]}"
        query = "".join(f"&{name}={value}" for name, value in fields.items())
        return f'{item[:-1]}{query}"' if item.endswith('"') else item + query

    def request(self, events: Sequence[str], token: str, headers: dict[str, str], received_at: str) -> dict[str, Any]:
        """The request of these events as a line has it; ``token`` is for requests that have one for all."""
        line = {**self.line, "received_at": received_at, "path": _filled(self.line["path"], token)}
        line["headers"] = {name: _filled(value, token) for name, value in self.line["headers"].items()}
        for name, value in headers.items():
            own = next((key for key in line["headers"] if key.lower() == name.lower()), name)
            line["headers"][own] = f"{line['headers'][own]}; {value}" if own in line["headers"] else value
        if self.is_path:
            return {**line, "path": events[0]}
        before, after = self.around or ("", "")
        return {**line, **packed(f"{before}{self.separator.join(events)}{after}", self.packing)}


def _filled(text: str, token: str) -> str:
    return text.replace(PLACEHOLDER, token).replace(quote(PLACEHOLDER), token)


def packed(body: str, packing: str | None) -> dict[str, str]:
    """A body as a line has it."""
    if packing == "gzip":
        return {"body_base64": base64.b64encode(gzip.compress(body.encode(), 1, mtime=0)).decode()}
    if packing == "base64 in data":
        return {"body": f"data={quote(base64.b64encode(body.encode()).decode(), safe='')}"}
    return {"body": body}


def shapes() -> dict[str, list[Shape]]:
    """Tracker → the shapes of its requests; ``plain`` has one."""
    found: dict[str, list[Shape]] = {"plain": [_plain()]}
    for fixture in fixtures():
        found.setdefault(fixture.tracker, []).append(_take_apart(fixture))
    return dict(sorted(found.items()))


def _take_apart(fixture: Fixture) -> Shape:
    line = {name: fixture.read[name] for name in ("ip", "method", "path", "headers")}
    body: str = fixture.read["body"] or ""
    shape = Shape(
        fixture.tracker, fixture.shape, line, (body,), None, False, ",", False, fixture.read.get("packing")
    )  # fmt: skip
    if not body:
        return replace(shape, items=(line["path"],), is_path=True)
    if fixture.tracker == "ga4":
        return replace(shape, items=tuple(body.split("\r\n")), around=("", ""), separator="\r\n")
    shape = replace(shape, shares_token=_filled(body, "") == body)
    before, items, after = _split(json.loads(body)) if body[0] in "{[" else ("", (), "")
    return replace(shape, items=items, around=(before, after)) if items else shape


def _split(body: Any) -> tuple[str, tuple[str, ...], str]:
    """A JSON body before its list of events, the events, and after the list; nothing where it is no list."""
    holder, at = body, None
    if isinstance(body, list):
        return "[", tuple(map(_dumped, body)), "]"
    while at is None:
        at = next((name for name in _LISTS if isinstance(holder.get(name), list)), None)
        if at is None:
            inner = next((value for name, value in holder.items() if name in _NESTED), None)
            if inner is None:
                return "", (), ""
            holder = inner[0]
    items, holder[at] = tuple(map(_dumped, holder[at])), ["@@"]
    before, _, after = _dumped(body).partition('"@@"')
    return before, items, after


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _plain() -> Shape:
    """Plain events are lines of their own; over HTTP each is a body."""
    event = {
        "event": "bought", "time": int(_MS), "value": 1200, "currency": "JPY", "ip": "203.0.113.9",
        "user_agent": "Mozilla/5.0", "language": "ja-JP", "screen": "1280x720", "url": "http://shop.test/bowls",
        "title": "Bowls", "client_id": "client-1", "timezone": "Asia/Tokyo",
        "consent_token": PLACEHOLDER,
    }  # fmt: skip
    view = {**event, "event": "page_view", "tags": ["a", "b"], "value": 1.5}
    line = {"ip": "203.0.113.9", "method": "POST", "path": "/events", "headers": {"Content-Type": "application/json"}}
    return Shape("plain", "event", line, (_dumped(event), _dumped(view)), None, False, ",", False, None)

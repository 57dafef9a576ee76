"""For every tracker: no value of an ungranted field, and no token, appears anywhere in what goes on."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote_plus, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService

from cookiegate.gate import trackers
from cookiegate.gate.trackers.table import COMMON_HEADERS, TrackerTable
from cookiegate.policy.document import CATEGORIES


class _Marks:
    """Gives each field a value of its own, and remembers which category it belongs to."""

    def __init__(self) -> None:
        self.by_category: dict[str, list[str]] = {}

    def make(self, category: str) -> str:
        number = sum(map(len, self.by_category.values()))
        mark = f"198.51.{number // 250}.{number % 250 + 1}" if category == "ip" else f"mark{number:04d}x"
        self.by_category.setdefault(category, []).append(mark)
        return mark


def _put(event: dict[str, Any], path: str, value: str) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        event = event.setdefault(parent, {})
    event[leaf] = value


def _make_event(table: TrackerTable, marks: _Marks, kind: str, unknown: list[str]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for path, category in table.fields.items():
        _put(event, path, marks.make(category))
    for name in unknown:
        event.setdefault(name, marks.make("unknown"))
        event.setdefault("p", {}) if table.name == "plausible" else None
    if table.type_field:
        event[table.type_field] = kind
    if table.name == "plausible":
        event["p"]["unknown"] = marks.make("unknown")
    if table.schemas:
        documents = [
            {
                "schema": f"iglu:{schema}-0-0",
                "data": {name: marks.make(cat) for name, cat in members.items()} | {"z": marks.make("unknown")},
            }
            for schema, members in table.schemas.items()
        ]
        documents.append({"schema": "iglu:com.acme/own/jsonschema/1-0-0", "data": {"z": marks.make("unknown")}})
        text = json.dumps({"schema": "x", "data": documents})
        event["co"], event["cx"] = text, base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        unstruct = json.dumps({"schema": "x", "data": documents[5]})
        event["ue_pr"], event["ue_px"] = unstruct, base64.urlsafe_b64encode(unstruct.encode()).decode()
    return event


def _everything(line: bytes) -> str:
    """The output and all that is folded up in it."""
    text = line.decode()
    found = [text, unquote_plus(text)]
    if line and b'"body"' in line:
        read = json.loads(line)
        events = json.loads(read["body"])["data"] if '"data"' in (read["body"] or "") else []
        query = unquote_plus(read["path"])
        for part in query.split("&"):
            if part.startswith(("cx=", "ue_px=")):
                events.append({part.split("=")[0]: part.split("=", 1)[1]})
        for event in events:
            found += [
                base64.urlsafe_b64decode(event[name] + "==").decode() for name in ("cx", "ue_px") if name in event
            ]
    return "\n".join(found)


@pytest.mark.parametrize("tracker", trackers.NAMES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_s07_no_value_of_an_ungranted_field_appears_in_the_output(
    service: ConsentService, tracker: str, data: st.DataObject
) -> None:
    table = trackers.find(tracker)
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    narrowed = data.draw(st.none() | st.sets(st.sampled_from(CATEGORIES)))
    unknown = data.draw(st.lists(st.text(min_size=1, max_size=6), max_size=4))
    kind = data.draw(st.sampled_from(sorted(table.types) or ["pageview"]))
    carrier = data.draw(st.sampled_from(["field", "header", "query", "cookie"]))
    cut = data.draw(st.booleans())
    route = data.draw(st.sampled_from(table.routes))
    marks = _Marks()
    token = service.token(acquire=sorted(granted))
    event = _make_event(table, marks, kind, unknown)
    headers = {name.title(): marks.make(category) for name, category in {**COMMON_HEADERS, **table.headers}.items()}
    headers["Content-Type"] = marks.make("unknown")
    headers["Forwarded"] = f"for={headers['Forwarded']};by={marks.make('unknown')}"
    headers["X-Unknown"] = marks.make("unknown")
    headers["Cookie"] = f"own={marks.make('unknown')}; sp={marks.make('identifier' if table.cookies else 'unknown')}"
    query = {"other": marks.make("unknown")}
    if carrier == "field":
        event[table.token_fields[0]] = token
    elif carrier == "header":
        headers["X-Consent-Token"] = token
    elif carrier == "query":
        query["ct"] = token
    else:
        headers["Cookie"] += f"; cg_token={token}"
    gate = service.gate(tracker, categories=narrowed, ip_when_refused="truncate" if cut else "drop")
    if route.events == "query":
        query |= {name: value if isinstance(value, str) else json.dumps(value) for name, value in event.items()}
        body = None
    else:
        body = json.dumps({**table.envelope, table.list_at: [event]} if table.list_at else event)
    if tracker == "plain" and data.draw(st.booleans()):
        line = json.dumps({**event, "consent_token": token}).encode()
        gate.line(line)
    else:
        ip = marks.make("ip")
        line = json.dumps(
            {
                "method": route.method,
                "path": f"{route.path}?{urlencode(query)}",
                "headers": headers,
                "body": body,
                "ip": ip,
            }
        ).encode()
    out = _everything(gate.line(line))
    if tracker == "plain" and b'"method"' in line:
        from cookiegate.gate.request import read_line

        filtered = gate.filter(read_line(line))
        out = "".join(
            a.to_line().decode() + (a.body or b"").decode() + json.dumps(dict(a.headers)) + a.path + str(a.ip)
            for a in filtered.accepted
        )
    assert out
    allowed = (granted if narrowed is None else granted & narrowed) | {"event"}
    for category, values in marks.by_category.items():
        if category not in allowed:
            assert not [value for value in values if value in out], category
    assert token not in out
    assert token[-43:] not in out

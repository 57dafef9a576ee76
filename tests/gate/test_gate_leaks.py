"""For every tracker: no value of an ungranted field, and no token, appears anywhere in what goes on."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService
from support.marked_requests import Choices, everything_in, marked_request

from cookiegate.gate import Gate, trackers
from cookiegate.gate.request import read_line
from cookiegate.policy.document import CATEGORIES

_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


def _output(gate: Gate, line: bytes) -> str:
    """All that goes on of a request, unfolded."""
    parts: list[str] = []
    for accepted in gate.filter(read_line(line)).accepted:
        headers = json.dumps(dict(accepted.headers))
        body = (accepted.body or b"").decode()
        parts += [accepted.to_line().decode(), accepted.path, body, headers, str(accepted.ip)]
        parts += [json.dumps(event) for event in accepted.events]
    return "\n".join(found for part in parts for found in everything_in(part))


@pytest.mark.parametrize("tracker", trackers.NAMES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_s07_no_value_of_an_ungranted_field_appears_in_the_output(
    service: ConsentService, tracker: str, data: st.DataObject
) -> None:
    table = trackers.find(tracker)
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    narrowed = data.draw(st.none() | st.sets(st.sampled_from(CATEGORIES)))
    choices = Choices(
        kind=data.draw(st.sampled_from(sorted(table.types) or ["pageview"])),
        unknown=data.draw(st.lists(_NAMES, max_size=4)),
        carrier=data.draw(st.sampled_from(["field", "header", "query", "cookie"])),
        token_field=data.draw(st.sampled_from(table.token_fields)),
        packing=data.draw(st.sampled_from(["", "header", "magic"])),
        shared=data.draw(st.integers(0, 20)),
    )
    cut = data.draw(st.booleans())
    token = service.token(acquire=sorted(granted))
    request = marked_request(table, data.draw(st.sampled_from(table.routes)), token, choices)
    gate = service.gate(tracker, categories=narrowed, ip_when_refused="truncate" if cut else "drop")
    out = _output(gate, request.to_line())
    assert out
    allowed = (granted if narrowed is None else granted & narrowed) | {"event"}
    for category, values in request.marks.by_category.items():
        if category not in allowed:
            assert not [value for value in values if value in out], category
    assert token not in out
    assert token[-43:] not in out


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_value_of_an_ungranted_field_appears_in_a_plain_line(service: ConsentService, data: st.DataObject) -> None:
    table = trackers.find("plain")
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    token = service.token(acquire=sorted(granted))
    unknown = data.draw(st.lists(_NAMES, max_size=4))
    request = marked_request(table, table.routes[0], token, Choices("", unknown, "field", "consent_token"))
    out = "\n".join(everything_in(service.gate().line(request.line["body"].encode()).decode()))
    assert out
    for category, values in request.marks.by_category.items():
        if category not in granted | {"event"}:
            assert not [value for value in values if value in out], category
    assert token not in out

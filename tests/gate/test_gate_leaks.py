"""For every tracker: no value of an ungranted field, and no token, appears anywhere in what goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService
from support.marked_requests import Choices, everything_in, marked_request

from cookiegate.gate import Gate, TrackerRequest, trackers
from cookiegate.gate.carriers import Scrubber
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


def _beside(token: str | None, url: str) -> dict[str, Any]:
    return {"event": "x", "properties": {"consent_token": token, "$current_url": url}}


def _kept_urls(gate: Gate, events: Iterable[dict[str, Any]]) -> list[str]:
    accepted = gate.filter(TrackerRequest("POST", "/e/", {}, json.dumps(list(events)))).accepted
    return [event["properties"]["$current_url"] for request in accepted for event in json.loads(request.body or b"")]


def test_a_token_that_is_good_elsewhere_does_not_pass_in_a_text_of_another_event(service: ConsentService) -> None:
    good, past = service.token(acquire=["browsing"]), service.claims()
    elsewhere = [
        service.token(scope=("security", "advertising"), sub="o" * 22),
        service.token(site="other"),
        service.signed({**past, "iat": past["iat"] - 5000, "exp": past["exp"] - 5000}),
        service.signed({**past, "bnd": {"posthog": "A" * 22}}),
    ]
    junk = service.token()[:-2] + "AA"
    for token, left in (*((token, "http://x/?ct=&b=1") for token in elsewhere), (junk, f"http://x/?ct={junk}&b=1")):
        events = [_beside(token, ""), _beside(good, f"http://x/?ct={token}&b=1")]
        assert _kept_urls(service.gate("posthog"), events) == [left]


def test_many_tokens_of_one_request_are_taken_out_of_its_texts(service: ConsentService) -> None:
    tokens = [service.token(acquire=["browsing"], idx=number) for number in range(20)]
    urls = [
        "http://x.test/a.b.c/?" + "." * 70,
        f"x{tokens[1]}y.{tokens[2]}",
        ".".join(tokens[:3]),
        tokens[3].replace(".", "..") + "." * 70,
        tokens[4][:30] + tokens[5] + tokens[4][30:],
        "&".join(tokens[:16]),
        "&".join(tokens[:17]),
    ]
    left = [urls[0], "xy.", "..", urls[3], "", "&" * 15, ""]
    events = [_beside(token, url) for token, url in zip(tokens, urls + [""] * 20, strict=False)]
    assert _kept_urls(service.gate("posthog"), events)[: len(urls)] == left


def _piece() -> st.SearchStrategy[str]:
    return st.sampled_from([*(f"{'h' * 30}.{number}{'p' * 30}.{'s' * 30}" for number in range(8)), ".", "h" * 30, "é"])


@given(st.lists(st.lists(_piece(), min_size=1, max_size=3).map("".join), max_size=8), st.lists(_piece(), max_size=8))
def test_no_token_is_left_in_a_text_and_a_text_without_one_stays(tokens: list[str], pieces: list[str]) -> None:
    text, scrubber = "".join(pieces), Scrubber(tokens)
    left = scrubber.scrub({"a": [text]})["a"][0]
    held = [token for token in tokens if len(token) >= 64 and token in text]
    assert left == text if not held else not any(token in left for token in held)
    assert left == scrubber.text(text)

"""64 kB that are made to cost as much as they can take no more steps than a gate has time for, whatever they are."""

from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest
from support.consent import ConsentService
from support.heavy_requests import SIZE_BYTES, heavy_requests

from cookiegate.gate import Gate, Reason, TrackerRequest, trackers
from cookiegate.gate.shapes import EVENT_BYTES, EVENTS_LIMIT

#: Calls of functions; ``make bench-gate`` holds all inputs against a twentieth of a second.
STEPS = 600_000
#: Counting calls costs more than they do.
EVERY = 4


def steps_of(gate: Gate, request: TrackerRequest) -> int:
    """How many functions are called to filter a request."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        gate.filter(request)
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("tracker", trackers.NAMES)
def test_no_input_of_64_kb_takes_too_many_steps(lasting_service: ConsentService, tracker: str) -> None:
    gate = lasting_service.gate(tracker)
    requests = [*heavy_requests(trackers.find(tracker), lasting_service.token())]
    assert len(requests) > 10
    found = {name: steps_of(gate, request) for name, request in requests[len(tracker) % EVERY :: EVERY]}
    assert {name: steps for name, steps in found.items() if steps > STEPS} == {}


def _batch(number: int, item: Any) -> TrackerRequest:
    return TrackerRequest("POST", "/events", {}, json.dumps([item] * number, separators=(",", ":")))


def test_more_events_than_their_bytes_can_hold_are_counted_as_one_body_too_large(
    lasting_service: ConsentService,
) -> None:
    gate = lasting_service.gate()
    assert gate.filter(_batch(EVENTS_LIMIT, {})).counts.dropped == {Reason.TOKEN_MISSING: EVENTS_LIMIT}
    assert gate.filter(_batch(EVENTS_LIMIT + 1, {})).counts.dropped == {Reason.BODY_TOO_LARGE: 1}
    large = EVENTS_LIMIT * 2
    filled = {"event": "x" * EVENT_BYTES}
    assert gate.filter(_batch(large, filled)).counts.dropped == {Reason.TOKEN_MISSING: large}


def test_the_limit_holds_on_the_quick_way_and_behind_gzip_too(lasting_service: ConsentService) -> None:
    gate, headers = lasting_service.gate(), {"X-Consent-Token": lasting_service.token()}
    item = {"event": "x"}
    for number, passed in ((2, True), (EVENTS_LIMIT, True), (EVENTS_LIMIT + 1, False)):
        request = TrackerRequest("POST", "/events", headers, json.dumps([item] * number, separators=(",", ":")))
        filtered = gate.filter(request)
        assert bool(filtered.accepted) is passed
        assert filtered.counts.accepted == (number if passed else 0)
    assert filtered.counts.dropped == {Reason.BODY_TOO_LARGE: 1}


def test_the_corpus_is_as_large_as_it_says(lasting_service: ConsentService) -> None:
    for tracker in trackers.NAMES:
        for name, request in heavy_requests(trackers.find(tracker), "t"):
            size = len(json.dumps([request.path, dict(request.headers), request.body]))
            assert size < SIZE_BYTES * 3, name

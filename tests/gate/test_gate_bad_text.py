"""Text that cannot be written again, from a program that calls the gate itself: dropped, counted, never raised."""

from __future__ import annotations

import pytest
from support.consent import ConsentService

from cookiegate.gate import Reason, TrackerRequest


@pytest.mark.parametrize(
    ("tracker", "request_"),
    [
        ("goatcounter", TrackerRequest("GET", "/count?p=\ud800", {})),
        ("goatcounter", TrackerRequest("GET", "/count?p=a", {"Referer": "\udcff"})),
        ("goatcounter", TrackerRequest("GET", "/count?p=a", {"\udcff": "x"})),
        ("ga4", TrackerRequest("POST", "/g/collect?v=\udcff", {}, b"en=x")),
        ("matomo", TrackerRequest("POST", "/matomo.php", {}, "action_name=\ud800")),
        ("snowplow", TrackerRequest("GET", "/i?e=pv&url=\ud800", {})),
        ("plausible", TrackerRequest("POST", "/api/event", {}, '{"n":"\ud800"}')),
    ],
)
def test_half_a_surrogate_pair_makes_a_request_malformed(
    lasting_service: ConsentService, tracker: str, request_: TrackerRequest
) -> None:
    headers = {**request_.headers, "X-Consent-Token": lasting_service.token()}
    filtered = lasting_service.gate(tracker).filter(
        TrackerRequest(request_.method, request_.path, headers, request_.body)
    )
    assert filtered.accepted == []
    assert filtered.counts.dropped == {Reason.EVENT_MALFORMED: 1}

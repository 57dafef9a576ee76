"""S4: a token is good for what its visitor allowed, and a gate lets data pass for what it declares, no more."""

from __future__ import annotations

import json

from support.consent import ConsentService

from cookiegate.gate import Reason


def test_the_same_token_lets_analytics_pass_and_stops_advertising(service: ConsentService) -> None:
    token = service.token(scope=("security", "analytics"))
    event = {"event": "page_view", "url": "https://shop.test/", "consent_token": token}
    line = json.dumps(event).encode()
    analytics, advertising = service.gate(purpose="analytics"), service.gate(purpose="advertising")
    for _ in range(2):  # met anew, and met before
        assert json.loads(analytics.line(line))["url"] == "https://shop.test/"
        assert analytics.event(event)
        assert advertising.line(line) == b""
        assert advertising.event(event) is None
    assert analytics.check(token).ok
    assert advertising.check(token).reason is Reason.PURPOSE_NOT_GRANTED
    assert dict(advertising.counts.dropped) == {Reason.PURPOSE_NOT_GRANTED: 4}


def test_undeclared_purpose_lets_nothing_pass(service: ConsentService) -> None:
    assert service.gate(purpose="").check(service.token()).reason is Reason.PURPOSE_MISSING

"""Late events: an event goes by the token that held when it happened, and by what holds of the consent now."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.consent import SUB, ConsentService

from cookiegate.clock import rfc3339
from cookiegate.gate import Reason, TrackerRequest
from cookiegate.gate.event_times import EventTimes, receipt_ms
from cookiegate.gate.trackers.table import TimeField
from cookiegate.tokens.withdrawals import Withdrawals

LIFE_MS = 900_000
DAY_S = 86_400


def _dropped(service: ConsentService, event: dict[str, Any], **options: Any) -> str | None:
    """The reason, None if the event passes; both ways of the gate must find the same."""
    gates = service.gate(**options), service.gate(**options)
    warm = {**event, "time": service.verifier().opened(event["consent_token"]).claims.iat * 1000}  # type: ignore[union-attr]
    gates[1].lines([json.dumps(warm).encode()] * 2)
    gates[1].counts.dropped.clear()
    line = json.dumps(event).encode()
    kept = gates[0].event(event)
    for _ in range(2):
        assert (gates[1].line(line) != b"") == (kept is not None)
    assert set(gates[0].counts.dropped) == set(gates[1].counts.dropped)
    return next(iter(gates[0].counts.dropped), None)


@pytest.mark.parametrize(
    ("offset_ms", "reason"),
    [
        (-60_001, "event_too_early"), (-60_000, None), (0, None), (LIFE_MS, None), (LIFE_MS + 1, "event_too_late"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("written", ["number", "text"])
def test_event_of_the_tokens_time_passes_a_day_later(
    service: ConsentService, offset_ms: int, reason: str | None, written: str
) -> None:
    at_ms = service.clock.at_ms + offset_ms
    event = {"event": "x", "consent_token": service.token(), "time": at_ms if written == "number" else rfc3339(at_ms)}
    service.clock.advance(DAY_S)
    assert _dropped(service, event) == reason


def test_client_whose_clock_is_fast_is_set_back_to_the_receipt(service: ConsentService) -> None:
    event = {"event": "x", "consent_token": service.token(), "time": service.clock.at_ms + 10**9}
    assert _dropped(service, event) is None
    service.clock.advance(901)
    assert _dropped(service, event) == "event_too_late"


@pytest.mark.parametrize(
    "time", [None, "yesterday", "2026-11-22", "2026-11-22T04:00:00", -1, 12, 1795000000, 1e300, True, [1], "١٢٣", ""]
)
def test_what_is_no_time_counts_as_the_time_of_receipt(service: ConsentService, time: Any) -> None:
    event = {"event": "x", "consent_token": service.token(), "time": time}
    assert _dropped(service, event) is None
    service.clock.advance(959)
    assert _dropped(service, event) is None
    service.clock.advance(1)
    assert _dropped(service, event) == "token_expired"


def test_withdrawal_ends_older_events_too(service: ConsentService) -> None:
    event = {"event": "x", "consent_token": service.token(), "time": service.clock.at_ms}
    service.clock.advance(DAY_S)
    service.register.revoke(1, 7)
    assert _dropped(service, event) == "withdrawn"


def test_nobody_to_tell_of_withdrawals_means_no_late_events(service: ConsentService) -> None:
    gate = type(service.gate())(service.verifier(status=None), purpose="analytics")
    event = {"event": "x", "consent_token": service.token(), "time": service.clock.at_ms}
    assert gate.event(event)
    service.clock.advance(960)
    assert gate.event(event) is None
    assert dict(gate.counts.dropped) == {Reason.TOKEN_EXPIRED: 1}


def test_ignored_times_leave_the_token_alone_to_be_good_now(service: ConsentService) -> None:
    event = {"event": "x", "consent_token": service.token(), "time": service.clock.at_ms - 10**9}
    assert _dropped(service, event) == "event_too_early"
    assert _dropped(service, event, event_times="ignored") is None
    service.clock.advance(960)
    assert _dropped(service, event, event_times="ignored") == "token_expired"


def test_line_of_yesterdays_log_is_judged_by_its_receipt(service: ConsentService) -> None:
    request = {
        "method": "POST", "path": "/api/event", "headers": {"X-Consent-Token": service.token()},
        "body": '{"n":"pageview","d":"x.test","u":"https://x.test/"}', "received_at": rfc3339(service.clock.at_ms + 5),
    }  # fmt: skip
    service.clock.advance(DAY_S)
    gate = service.gate("plausible")
    assert gate.filter(TrackerRequest(**request)).counts.accepted == 1
    late = {**request, "received_at": rfc3339(service.clock.at_ms)}
    assert dict(gate.filter(TrackerRequest(**late)).counts.dropped) == {Reason.TOKEN_EXPIRED: 1}
    early = {**request, "received_at": "2026-11-01T00:00:00Z"}
    assert dict(gate.filter(TrackerRequest(**early)).counts.dropped) == {Reason.EVENT_TOO_EARLY: 1}


def test_given_receipt_counts_for_single_events(service: ConsentService) -> None:
    gate, event = service.gate(), {"event": "x", "consent_token": service.token()}
    collected_ms = service.clock.at_ms + 1000
    service.clock.advance(DAY_S)
    assert gate.event(event) is None
    assert gate.event(event, collected_ms)


def test_policy_may_let_events_pass_that_happened_before_the_withdrawal(service: ConsentService) -> None:
    withdrawals = Withdrawals()
    verifier = service.verifier(withdrawals=withdrawals)
    event = {"event": "x", "consent_token": service.token(), "time": service.clock.at_ms + 1000}
    after = {**event, "time": service.clock.at_ms + 60_000}
    service.clock.advance(60)
    service.register.revoke(1, 7)
    service.epochs.raise_to(SUB, 2)
    kind = type(service.gate())
    strict = kind(verifier, purpose="analytics")
    lenient = kind(verifier, purpose="analytics", late_events="until_withdrawal")
    assert lenient.event(event) is None, "nobody knows when it was"
    withdrawals.note(SUB, 2, service.clock.at_ms)
    service.clock.advance(60)
    assert lenient.event(event)
    assert lenient.line(json.dumps(event).encode())
    assert lenient.event(after) is None
    assert strict.event(event) is None
    withdrawals.forget(SUB)
    assert lenient.event(event) is None, "erased: nothing passes, however old"


def test_moments_of_withdrawals_are_bounded_and_the_first_word_counts(service: ConsentService) -> None:
    known = Withdrawals(limit=2)
    claims = service.gate().check(service.token(epoch=3)).claims
    assert claims is not None
    for epoch, at_ms in ((3, 1), (5, 7)):
        known.note(SUB, epoch, at_ms)
    assert known.ended_ms(claims) is None, "what ended epoch 3 was no act that we heard of"
    known.note(SUB, 4, 5)
    known.note(SUB, 4, 9)
    assert known.ended_ms(claims) == 5
    for epoch in range(6, 40):
        known.note(SUB, epoch, epoch)
    assert known.ended_ms(claims) is None
    for other in ("b", "c"):
        known.note(other, 1, 1)
    assert len(known) == 2
    known.forget("b")
    assert len(known) == 1


def test_moment_is_told_only_while_nothing_else_ended_the_consent(service: ConsentService) -> None:
    asked: list[str] = []
    known = Withdrawals(lambda act: bool(asked.append(act)))
    claims = service.gate().check(service.token()).claims
    assert claims is not None
    known.note(SUB, 2, 5, "act")
    assert (known.ended_ms(claims), asked) == (None, ["act"])


@pytest.mark.parametrize(
    ("unit", "value", "found"),
    [
        ("ms", 1795000000123, 1795000000123), ("ms", 1795000000123.9, 1795000000123),
        ("ms", "1795000000123", 1795000000123), ("ms_text", "1795000000123", 1795000000123),
        ("s", 1795000000, 1795000000000), ("s", 1795000000.25, 1795000000250),
        ("s_text", "1795000000.5", 1795000000500), ("ns_text", "1795000000123456789", 1795000000123),
        ("rfc3339", "2026-11-18T11:06:40Z", 1795000000000), ("rfc3339", "2026-11-18t20:06:40.5+09:00", 1795000000500),
        ("rfc3339", "2026-13-18T11:06:40Z", None), ("rfc3339", 5, None), ("ms", "9" * 40, None),
        ("ms", float("nan"), None),
        ("ms", 10**30, None), ("s", {}, None),
    ],
)  # fmt: skip
def test_times_are_read_in_their_units(unit: Any, value: Any, found: int | None) -> None:
    times = EventTimes((TimeField("a.b", unit),))
    assert times.client_ms({"a": {"b": value}}, 0) == found
    assert times.client_ms({"a": value}, 0) is None


def test_age_is_counted_from_the_receipt() -> None:
    times = EventTimes((TimeField("offset", "ms", is_age=True),))
    assert times.client_ms({"offset": 250}, 1_795_000_000_000) == 1_794_999_999_750
    assert times.client_ms({"offset": -250}, 1_795_000_000_000) is None


def test_receipt_is_never_in_the_future() -> None:
    assert receipt_ms(rfc3339(2_000_000_000_000), 1_795_000_000_000) == 1_795_000_000_000
    assert receipt_ms(rfc3339(1_794_000_000_000), 1_795_000_000_000) == 1_794_000_000_000
    assert receipt_ms("2026-11-18 11:06:39", 1_795_000_000_000) == 1_794_999_999_000
    assert receipt_ms("noon", 5) == receipt_ms(None, 5) == 5

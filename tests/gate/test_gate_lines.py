"""Lines of plain events: the quick way and the thorough way must not be told apart."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService

from cookiegate.clock import FrozenClock, rfc3339
from cookiegate.gate import Reason
from cookiegate.gate.trackers.plain import TABLE as PLAIN
from cookiegate.policy.document import CATEGORIES

_names = st.one_of(
    st.sampled_from(sorted(PLAIN.fields)), st.sampled_from(["secret", "consent", "props"]), st.text(max_size=8)
)
_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from(["203.0.113.9", "::ffff:203.0.113.9", "[2001:db8::1]:80"]),
)  # fmt: skip
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=5
)
_events = st.dictionaries(_names, _values, max_size=8).map(
    lambda event: {name: value for name, value in event.items() if name != "consent_token"}
)
#: Times around those of the tokens below, in every spelling that may be a time.
_times = st.builds(
    lambda offset_ms, write: write(FrozenClock().at_ms + offset_ms),
    st.sampled_from(
        [-2_000_000, -1_000_001, -1_000_000, -100_001, -99_999, -60_001, -60_000, -1, 0, 1, 899_999, 900_001]
    ),
    st.sampled_from([int, float, str, rfc3339, lambda at_ms: at_ms // 1000, lambda at_ms: rfc3339(at_ms)[:-1]]),
)
_timed = st.dictionaries(st.sampled_from(["time", "timestamp"]), _times | _scalars, max_size=2)
_grants = st.sets(st.sampled_from(CATEGORIES)).map(sorted)


def _shifted(service: ConsentService, by_s: int, acquire: list[str]) -> str:
    """A token issued some seconds ago; negative ``by_s`` is the past."""
    now_s = service.clock.now_ms() // 1000 + by_s
    return service.signed(service.claims(iat=now_s, exp=now_s + 900, acquire=" ".join(acquire)))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(_events | _timed, _grants, st.sampled_from(["good", "bad", "none", "late", "young"])),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["checked", "ignored"]),
)
def test_lines_and_events_give_the_same_output_and_counts(
    service: ConsentService, batch: list[tuple[dict[str, Any], list[str], str]], cut: bool, spaced: bool, times: str
) -> None:
    rule = {"ip_when_refused": "truncate" if cut else "drop", "event_times": times}
    quick, thorough = service.gate(**rule), service.gate(**rule)
    events = []
    for event, acquire, kind in batch:
        token = {
            "good": service.token(acquire=acquire), "bad": service.token(site="other"), "none": None,
            "late": _shifted(service, -1000, acquire), "young": _shifted(service, 59, acquire),
        }[kind]  # fmt: skip
        events.append({"consent_token": token, **event} if kind != "none" else event)
    separators = (", ", ": ") if spaced else (",", ":")
    lines = [json.dumps(event, separators=separators, ensure_ascii=spaced).encode("utf-8") for event in events]
    for _ in range(2):  # the second round meets known tokens and shapes
        found = [json.loads(line) if line else None for line in quick.lines(lines)]
        wanted = [thorough.event(msgspec.json.decode(line)) for line in lines]
        assert found == wanted
        assert quick.counts == thorough.counts


def test_known_token_is_asked_again_at_every_batch(service: ConsentService) -> None:
    gate = service.gate()
    line = json.dumps({"event": "x", "consent_token": service.token()}).encode()
    assert gate.line(line)
    assert gate.line(line)
    service.register.revoke(1, 7)
    assert gate.line(line) == b""
    assert dict(gate.counts.dropped) == {Reason.WITHDRAWN: 1}


def test_known_token_does_not_outlive_its_key(service: ConsentService) -> None:
    gate, former = service.gate(), service.ring.active.kid
    line = json.dumps({"event": "x", "consent_token": service.token()}).encode()
    assert gate.line(line)
    service.ring.rotate()
    service.ring.disable(former, now=True)
    assert gate.line(line) == b""
    assert dict(gate.counts.dropped) == {Reason.KEY_UNKNOWN: 1}


def test_known_token_does_not_outlive_its_time(service: ConsentService) -> None:
    gate = service.gate()
    line = json.dumps({"event": "x", "consent_token": service.token()}).encode()
    assert gate.line(line)
    service.clock.advance(960)
    assert gate.line(line) == b""
    assert dict(gate.counts.dropped) == {Reason.TOKEN_EXPIRED: 1}


def test_no_tampered_spelling_of_a_known_token_passes(service: ConsentService) -> None:
    gate, token = service.gate(), service.token()
    gate.line(json.dumps({"event": "x", "consent_token": token}).encode())
    for place in range(0, len(token) - 43, 3):
        other = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert gate.line(json.dumps({"event": "x", "consent_token": other}).encode()) == b""


def test_good_token_in_another_place_does_not_count(service: ConsentService) -> None:
    gate, token = service.gate(), service.token()
    gate.line(json.dumps({"event": "x", "consent_token": token}).encode())
    nested = {"props": {"consent_token": token}, "event": "x"}
    assert gate.line(json.dumps(nested).encode()) == b""
    assert gate.line(json.dumps({**nested, "consent_token": "bad"}).encode()) == b""
    text = json.dumps({"title": f'"consent_token":"{token}"', "event": "x"})
    assert gate.line(text.encode()) == b""
    twice = f'{{"consent_token":"{token}","event":"x","consent_token":"bad"}}'
    assert gate.line(twice.encode()) == b""
    assert dict(gate.counts.dropped) == {Reason.TOKEN_MISSING: 2, Reason.TOKEN_MALFORMED: 2}


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"nonsense", b"null", b"[]", b"5", b'"x"', b"\xff\xfe", b'{"a":NaN}', b'{"a":Infinity}',
        b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000, b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\x00"}', b'{"consent_token":"', b'{"consent_token":', b'"consent_token":"x"',
    ],
)  # fmt: skip
def test_hostile_line_is_event_malformed_and_never_raised(service: ConsentService, line: bytes) -> None:
    for gate in (service.gate(), service.gate("snowplow"), service.gate("plausible")):
        assert gate.line(line) == b""
        assert dict(gate.counts.dropped) == {Reason.EVENT_MALFORMED: 1}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_random_bytes_never_raise(service: ConsentService, line: bytes) -> None:
    for tracker in ("plain", "snowplow", "plausible"):
        assert service.gate(tracker).line(line) == b""


def test_key_given_twice_is_written_once(service: ConsentService) -> None:
    token = service.token(acquire=[])
    line = f'{{"consent_token":"{token}","event":"a","url":"x","event":"b"}}'.encode()
    for gate in (service.gate(), service.gate()):
        for _ in range(2):
            out = gate.line(line)
            assert out.count(b'"event"') == 1
            assert b"url" not in out


@pytest.mark.parametrize("acquire", [CATEGORIES, ("browsing",), ()])
def test_known_lines_leave_nothing_in_memory(service: ConsentService, acquire: tuple[str, ...]) -> None:
    gate, token = service.gate(), service.token(acquire=acquire)
    event = {"consent_token": token, "event": "x", "url": "https://shop.test/", "language": "ja", "client_id": "c"}
    lines = [json.dumps(event).encode()] * 500
    for _ in range(3):
        gate.lines(lines)
    before = sys.getallocatedblocks()
    for _ in range(20):
        gate.lines(lines)
    assert sys.getallocatedblocks() - before < len(lines), "20 times as many events were judged"

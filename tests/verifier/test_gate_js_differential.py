"""The gates in Python and in JavaScript let the same pass, and count the same, over thousands of good and bad lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import pytest
from support.consent import ISSUER, ConsentService
from support.tracker_fixtures import FIXTURES

from cookiegate.gate import trackers
from cookiegate.gate.counts import Counts
from verifier.bending import as_base64
from verifier.lines_corpus import Corpus
from verifier.running import run_in_node

LINES = 300
#: Options of the gate in Python, and the same for the one in JavaScript.
OPTIONS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, {}),
    ({"ip_when_refused": "truncate"}, {"ipWhenRefused": "truncate"}),
    (
        {"categories": ["browsing", "screen"], "event_times": "ignored"},
        {"categories": ["browsing", "screen"], "eventTimes": "ignored"},
    ),
)
NAMES = [name for name in trackers.NAMES if name == "plain" or (FIXTURES / name).is_dir()]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("tracker", NAMES)
def test_both_gates_let_the_same_pass_and_count_the_same(service: ConsentService, tracker: str) -> None:
    accepted = compare(service, tracker, seed=len(tracker), number=LINES)
    assert accepted > LINES * len(OPTIONS) // 10


def compare(service: ConsentService, tracker: str, seed: int, number: int) -> int:
    """Sends the same lines through both gates under each of the options; gives the number of accepted events."""
    corpus = Corpus(service, tracker, seed)
    batches = [corpus.lines(number) for _ in OPTIONS]
    found = run_in_node(
        jwks=service.ring.jwks(),
        status=[(service.register.signed(1) or b"").decode()],
        audience="demo",
        issuer=ISSUER,
        nowMs=service.clock.now_ms(),
        runs=[
            {"options": {"purpose": "analytics", "tracker": tracker, **js}, "lines": list(map(as_base64, lines))}
            for (_, js), lines in zip(OPTIONS, batches, strict=True)
        ],
    )
    accepted = 0
    for (options, _), lines, run in zip(OPTIONS, batches, found["runs"], strict=True):
        gate = service.gate(tracker, **options)
        wanted = gate.lines(lines)
        assert differences(lines, wanted, run["out"])[:2] == []
        assert run["counts"] == shown(gate.counts)
        accepted += gate.counts.accepted
    return accepted


def differences(lines: Sequence[bytes], wanted: Sequence[bytes], found: Sequence[str]) -> list[Any]:
    """Lines whose outcomes differ."""
    return [
        (line[:3000], out, other)
        for line, out, other in zip(lines, wanted, found, strict=True)
        if read(out.decode()) != read(other)
    ]


def read(out: str) -> list[Any]:
    """The lines of one outcome."""
    return [unfolded(json.loads(line)) for line in out.split("\n") if line]


def unfolded(value: Any) -> Any:
    """JSON with the JSON in its texts read too, also in base64url and queries: languages write numbers differently."""
    if isinstance(value, dict):
        return {name: unfolded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unfolded(item) for item in value]
    if not isinstance(value, str):
        return value
    if "%7B" in value:
        return [unfolded(list(pair)) for pair in parse_qsl(value, keep_blank_values=True)]
    try:
        text = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)) if value.startswith("eyJ") else value
        return unfolded(json.loads(text)) if value.startswith(("{", "[", "eyJ")) else value
    except ValueError:
        return value


def shown(counts: Counts) -> dict[str, Any]:
    """Counts as JSON."""
    dropped = {reason: times for reason, times in counts.dropped.items() if times}
    return {"accepted": counts.accepted, "dropped": dropped, "stripped": dict(counts.stripped)}

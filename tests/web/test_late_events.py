"""Events that come after a withdrawal: dropped, unless the policy lets those pass that happened before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.policies import demo_policy
from support.service import Bench, Visitor, make_bench

from cookiegate.consent.kept import is_kept
from cookiegate.storage.tables import consents


def _bench(folder: Path, late_events: str | None) -> Bench:
    demo = demo_policy()
    collector = replace(demo.collectors["plain"], late_events=late_events)  # type: ignore[arg-type]
    return make_bench(folder, policies=(replace(demo, collectors={**demo.collectors, "plain": collector}),))


@pytest.fixture
def lenient(tmp_path: Path) -> Iterator[Bench]:
    bench = _bench(tmp_path, "until_withdrawal")
    yield bench
    bench.service.close()


def _send(visitor: Visitor, token: str, at_ms: int) -> str | None:
    event = {"event": "x", "time": at_ms, "consent_token": token}
    return visitor.send("POST", "/collect/plain/events", json=event).headers.get("X-Consent-Reason")


def _logged(bench: Bench) -> list[int]:
    path = bench.folder / "collected" / "demo" / "plain.jsonl"
    return [json.loads(line)["time"] for line in path.read_text().splitlines()] if path.exists() else []


def _accept(bench: Bench) -> tuple[Visitor, str, int]:
    visitor = bench.visitor()
    token = visitor.decide("accept").get_json()["token"]
    at_ms = bench.clock.at_ms + 1_000
    bench.clock.advance(60)
    visitor.decide("withdraw")
    bench.clock.advance(60)
    visitor.client.delete_cookie("cg_choice")  # a server that sends later has no cookies
    return visitor, token, at_ms


def test_queued_event_of_a_granted_time_is_taken_hours_later(lenient: Bench) -> None:
    visitor = lenient.visitor()
    token, at_ms = visitor.decide("accept").get_json()["token"], lenient.clock.at_ms
    lenient.clock.advance(7200)
    assert _send(visitor, token, at_ms) is None
    assert _send(visitor, token, lenient.clock.at_ms) == "event_too_late"
    assert _logged(lenient) == [at_ms]


def test_by_default_nothing_passes_after_a_withdrawal(tmp_path: Path) -> None:
    bench = _bench(tmp_path, None)
    visitor, token, at_ms = _accept(bench)
    assert _send(visitor, token, at_ms) == "withdrawn"
    assert _logged(bench) == []
    bench.service.close()


def test_policy_may_let_pass_what_happened_before(lenient: Bench) -> None:
    visitor, token, at_ms = _accept(lenient)
    assert _send(visitor, token, at_ms) is None
    assert _send(visitor, token, at_ms + 59_500) == "withdrawn"
    assert _logged(lenient) == [at_ms]


def test_nothing_of_an_erased_person_passes_however_old(lenient: Bench) -> None:
    visitor, token, at_ms = _accept(lenient)
    assert _send(visitor, token, at_ms) is None
    [(key_id,)] = {(row["key_id"],) for row in _consents(lenient)}
    lenient.service.erasure.erase(key_id, site="demo", by="self")
    assert _send(visitor, token, at_ms) == "withdrawn"


def test_nothing_of_a_restricted_person_passes(lenient: Bench) -> None:
    visitor, token, at_ms = _accept(lenient)
    [(key_id,)] = {(row["key_id"],) for row in _consents(lenient)}
    lenient.service.restriction.restrict("demo", key_id, by="self")
    assert _send(visitor, token, at_ms) == "withdrawn"


def test_what_nobody_decided_is_not_kept(lenient: Bench) -> None:
    assert not is_kept(lenient.service.storage, "")


def _consents(bench: Bench) -> list[dict[str, int]]:
    return [dict(row) for row in bench.service.storage.read(sa.select(consents.c.key_id))]

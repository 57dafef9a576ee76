"""A frame passes what its rows would pass as plain events, in pandas and in polars."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import polars as pl
import pytest
from support.consent import ConsentService

from cookiegate.gate import Gate
from cookiegate.gate.binding import binding_of
from cookiegate.gate.frame import Gated, gate_pandas, gate_polars
from cookiegate.policy.document import CATEGORIES

STAMP = {"sub", "pv", "ep", "scope", "acquire"}
FIELDS = {
    "event": "event", "time": "event", "value": "event", "ip": "ip", "page": "browsing", "tags": "event",
    "is_new": "device", "screen_width": "screen", "client_id": "identifier", "language": "language",
    "props.plan": "event", "props.color": "other", "seen": "browsing", "blood_type": "event",
}  # fmt: skip
Row = dict[str, Any]


def _in_pandas(rows: Sequence[Row], gate: Gate, **asked: Any) -> Gated[Any]:
    frame = pd.DataFrame(rows, columns=_names(rows))
    frame["language"] = frame["language"].astype("category")
    return gate_pandas(frame, gate, **asked)


def _in_polars(rows: Sequence[Row], gate: Gate, **asked: Any) -> Gated[Any]:
    frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in _names(rows)}, infer_schema_length=None)
    return gate_polars(frame.with_columns(pl.col("language").cast(pl.Categorical)), gate, **asked)


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _rows_of(frame: Any) -> list[Row]:
    """The rows as events: what is null is not there."""
    found = frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_dict("records")
    return [{name: kept for name, value in row.items() if (kept := _cell(value)) is not None} for row in found]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if item is not None} or None
    if isinstance(value, list):
        return value
    return None if value is None or value is pd.NaT or pd.isna(value) else value


in_both = pytest.mark.parametrize("gate_frame", [_in_pandas, _in_polars], ids=["pandas", "polars"])


class _Rows:
    """Rows by chance, with tokens of every kind.

    Args:
        service: issues the tokens.
        seed: the chance.
    """

    def __init__(self, service: ConsentService, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now_ms = service.clock.now_ms()
        now_s = self.now_ms // 1000
        service.register.revoke(1, 9)
        self.tokens = [
            *(service.token(acquire=acquire) for acquire in (CATEGORIES, ("ip", "browsing"), ("device",), ())),
            service.signed(service.claims(iat=now_s - 800, exp=now_s + 100)),
            service.signed(service.claims(iat=now_s - 1200, exp=now_s - 300)),
            service.signed(service.claims(bnd={"plain": binding_of("demo", "client-1")})),
            service.token(idx=9), service.token(site="other"), service.token(scope=("security",)), "a.b.c", None, "",
        ]  # fmt: skip

    def make(self, number: int) -> list[Row]:
        """So many rows."""
        return [self._row() for _ in range(number)]

    def _row(self) -> Row:
        chance, token = self.chance, self.chance.choice(self.tokens)
        row = {
            "consent_token": token,
            "event": "bought",
            "time": self.now_ms - chance.randrange(1_500_000),
            "value": chance.choice((1.5, float("inf"), 20.25)),
            "ip": chance.choice(("203.0.113.9", "2001:db8:1:2::3", "nonsense")),
            "page": chance.choice(("/a", f"/b?ct={token}", "/" + "c" * 900)),
            "tags": ["a", "b"],
            "is_new": chance.random() < 0.5,
            "screen_width": 1280,
            "client_id": chance.choice(("client-1", "client-2")),
            "language": chance.choice(("ja", "en", "fr")),
            "props": {"plan": "gold", "color": "red", "secret": "x"},
            "unknown": "x",
            "blood_type": "a",
            "props.plan": "flat",
        }
        gone = {name for name in row if name not in ("language", "consent_token") and chance.random() < 0.2}
        return {name: None if name in gone else value for name, value in row.items()}


def _one_by_one(rows: Sequence[Row], gate: Gate, received_ms: Sequence[int | None]) -> list[Row]:
    found = []
    for row, at in zip(rows, received_ms, strict=True):
        event = {name: value for name, value in row.items() if value is not None}
        # A column has a path for a name; in an event it is a path.
        flat = {name: event.pop(name) for name in list(event) if name == "props.plan"}
        kept = gate.event(event, at)
        if kept is not None:
            stamp = kept.pop("consent")
            found.append({**kept, **flat, **{f"consent_{name}": stamp[name] for name in STAMP}})
    return found


@in_both
@pytest.mark.parametrize("options", [{}, {"ip_when_refused": "truncate"}, {"event_times": "ignored"}], ids=str)
@pytest.mark.parametrize("with_receipt", [False, True])
def test_rows_pass_as_events(
    service: ConsentService, gate_frame: Callable[..., Gated[Any]], options: Mapping[str, Any], with_receipt: bool
) -> None:
    made = _Rows(service, 3)
    rows = made.make(400)
    received = [made.now_ms - made.chance.randrange(1_000_000) if with_receipt else None for _ in rows]
    alone, gate = (service.gate(fields=FIELDS, **options) for _ in range(2))
    expected = _one_by_one(rows, alone, received)
    asked = {}
    if with_receipt:
        rows = [
            {**row, "came": dt.datetime.fromtimestamp(at / 1000, dt.UTC)}
            for row, at in zip(rows, received, strict=True)
        ]
        asked = {"collected_at": "came"}
    gated = gate_frame(rows, gate, **asked)
    found = [{name: value for name, value in row.items() if name != "came"} for row in _rows_of(gated.frame)]
    assert found == expected
    assert (gated.counts.accepted, gated.counts.dropped) == (alone.counts.accepted, alone.counts.dropped)
    assert gated.counts.stripped == alone.counts.stripped
    assert gate.counts == gated.counts


@in_both
def test_a_report_changes_nothing_and_says_why(service: ConsentService, gate_frame: Callable[..., Gated[Any]]) -> None:
    rows = _Rows(service, 4).make(60)
    enforced = gate_frame(rows, service.gate(fields=FIELDS))
    gated = gate_frame(rows, service.gate(fields=FIELDS), report=True)
    assert gated.counts == enforced.counts
    assert len(gated.frame) == len(rows)
    reasons = list(gated.frame["consent_reason"])
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {
        "ok": gated.counts.accepted,
        **gated.counts.dropped,
    }
    assert list(
        gated.frame["client_id"].is_null() if isinstance(gated.frame, pl.DataFrame) else gated.frame["client_id"].isna()
    ) == [row["client_id"] is None for row in rows]


@in_both
def test_a_frame_without_rows_and_one_of_refused_rows_pass_empty(
    service: ConsentService, gate_frame: Callable[..., Gated[Any]]
) -> None:
    rows = [{"consent_token": None, "event": "x", "language": "ja"}]
    gated = gate_frame(rows, service.gate())
    assert len(gated.frame) == 0
    assert dict(gated.counts.dropped) == {"token_missing": 1}
    assert list(gated.frame.columns)[-5:] == [f"consent_{name}" for name in ("sub", "pv", "ep", "scope", "acquire")]

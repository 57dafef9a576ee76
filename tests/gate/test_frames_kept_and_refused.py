"""What a frame keeps (types, order, index, columns of one's own), what it never shows, and what it refuses to take."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from support.consent import ISSUER, ConsentService
from support.tracker_fixtures import fixtures

from cookiegate.clock import SystemClock, rfc3339
from cookiegate.gate.frame import GatePlan, gate_pandas, gate_polars

SECRET = "hidden-value"
#: So that a category of the column is granted in no row.
NOTHING: tuple[str, ...] = ()


def test_pandas_keeps_order_index_and_types(service: ConsentService) -> None:
    good, bare = service.token(), service.token(acquire=NOTHING)
    frame = pd.DataFrame(
        {
            "consent_token": [good, None, bare, good],
            "event": pd.Categorical(["a", "b", "c", "d"]),
            "screen_width": np.array([1, 2, 3, 4], dtype=np.int32),
            "value": np.array([1, 2, 3, 4], dtype=np.int64),
            "cookies_enabled": [True, False, True, True],
            "scroll_depth": [0.5, 0.5, np.nan, 1.0],
            "day": pd.to_datetime(["2026-11-18"] * 4),
        },
        index=pd.Index([7, 3, 3, 1], name="number"),
    )
    before = frame.copy()
    gated = gate_pandas(frame, service.gate(), keep=["day", "number"]).frame
    pd.testing.assert_frame_equal(frame, before)
    assert list(gated.index) == [7, 3, 1]
    assert list(gated["event"]) == ["a", "c", "d"]
    kinds = {name: str(kind) for name, kind in gated.dtypes.items()}
    assert (kinds["event"], kinds["screen_width"], kinds["value"]) == ("category", "Int32", "int64")
    assert (kinds["cookies_enabled"], kinds["scroll_depth"]) == ("boolean", "float64")
    assert kinds["day"] == str(before["day"].dtype)
    assert list(gated["screen_width"].isna()) == [False, True, False]
    assert "consent_token" not in gated
    assert list(gated["consent_acquire"])[1] == ""


def test_another_packages_frame_is_refused_by_name(service: ConsentService) -> None:
    columns = {"consent_token": [service.token()]}
    of_polars: Any = pl.DataFrame(columns)
    of_pandas: Any = pd.DataFrame(columns)
    with pytest.raises(TypeError, match="gate_pandas takes a DataFrame of pandas, not one of polars"):
        gate_pandas(of_polars, service.gate())
    with pytest.raises(TypeError, match="gate_polars takes a DataFrame of polars, not one of pandas"):
        gate_polars(of_pandas, service.gate())


def test_polars_keeps_order_and_types(service: ConsentService) -> None:
    frame = pl.DataFrame(
        {
            "consent_token": [service.token(), None, service.token(acquire=NOTHING)],
            "event": ["a", "b", "c"],
            "screen_width": pl.Series([1, 2, 3], dtype=pl.Int16),
            "language": pl.Series(["ja", "en", "fr"], dtype=pl.Enum(["ja", "en", "fr"])),
            "cookies_enabled": [True, False, True],
        }
    )
    gated = gate_polars(frame, service.gate()).frame
    names = ("event", "screen_width", "language", "cookies_enabled")
    assert [gated.schema[name] for name in names] == [pl.String, pl.Int16, pl.String, pl.Boolean]
    assert gated.select(names).rows() == [("a", 1, "ja", True), ("c", None, None, None)]


def test_no_refused_value_stays_in_the_categories_of_a_column(service: ConsentService) -> None:
    frame = pd.DataFrame(
        {
            "consent_token": [service.token(acquire=NOTHING), None],
            "language": pd.Series([SECRET, f"{SECRET}-2"], dtype="category"),
            "unknown": pd.Series([SECRET, SECRET], dtype="category"),
            "event": pd.Series(["a", f"{SECRET}-3"], dtype="category"),
        }
    )
    gated = gate_pandas(frame, service.gate()).frame
    assert SECRET.encode() not in pickle.dumps(gated)
    texts = {name: frame[name].astype(object).tolist() for name in ("language", "unknown", "event")}
    tokens = [service.token(acquire=NOTHING), None]
    lake = pl.DataFrame({"consent_token": tokens, **texts}, schema_overrides=dict.fromkeys(texts, pl.Categorical))
    target = io.BytesIO()
    gate_polars(lake, service.gate()).frame.write_parquet(target)
    assert SECRET.encode() not in target.getvalue()


def test_bytes_and_objects_under_a_mapped_name_go(service: ConsentService) -> None:
    frame = pd.DataFrame({"consent_token": [service.token()] * 3, "event": [b"x", {"a": 1}, np.array(["x", "y"])]})
    gated = gate_pandas(frame, service.gate())
    assert list(gated.frame["event"]) == [None, None, ["x", "y"]]
    assert gated.counts.stripped == {"event": 2}


def test_a_category_whose_values_grow_shorter_may_change(service: ConsentService) -> None:
    token = service.token()
    address = pd.Series(["203.0.113.9"], dtype="category")
    frame = pd.DataFrame({"consent_token": [service.token(acquire=NOTHING)], "ip": address, "event": [f"x {token}"]})
    gated = gate_pandas(frame, service.gate(ip_when_refused="truncate"))
    assert list(gated.frame["ip"]) == ["203.0.113.0"]


@pytest.mark.parametrize("column", ["text", "milliseconds", "time"])
def test_events_are_judged_by_their_receipt(service: ConsentService, column: str) -> None:
    now_ms = service.clock.now_ms()
    at_ms = [now_ms - 500_000, now_ms - 10_000, None]
    token = service.signed(service.claims(iat=now_ms // 1000 - 1000, exp=now_ms // 1000 - 100))
    came: dict[str, Any] = {
        "text": [None if at is None else rfc3339(at) for at in at_ms],
        "milliseconds": at_ms,
        "time": pd.to_datetime(pd.Series(at_ms, dtype="Int64"), unit="ms"),
    }
    frame = pd.DataFrame({"consent_token": [token] * 3, "event": ["x"] * 3, "came": came[column]})
    gated = gate_pandas(frame, service.gate(), collected_at="came", report=True)
    assert list(gated.frame["consent_reason"]) == ["ok", "token_expired", "token_expired"]
    lines = pd.DataFrame({"line": [f'{{"event":"x","consent_token":"{token}"}}'] * 3, "came": came[column]})
    gated = gate_pandas(lines, service.gate(), collected_at="came", lines="line", report=True)
    assert list(gated.frame["consent_reason"]) == ["ok", "token_expired", "token_expired"]


def test_a_batch_of_two_grants_becomes_two_rows(service: ConsentService) -> None:
    fixture = next(item for item in fixtures() if (item.tracker, item.shape) == ("umami", "batch"))
    line = fixture.line("{one}").decode().replace("{one}", service.token(), 1)
    frame = pl.DataFrame(
        {"request": [line.replace("{one}", service.token(acquire=NOTHING)), "{"], "day": [1, 2], "x": 1}
    )
    gated = gate_polars(frame, service.gate("umami"), lines="request", keep=["day"])
    assert gated.frame.columns[:2] == ["day", "request"]
    assert gated.frame["day"].to_list() == [1, 1]
    assert gated.frame["consent_acquire"].to_list()[1] == ""
    assert (gated.counts.accepted, dict(gated.counts.dropped)) == (2, {"event_malformed": 1})
    report = gate_polars(frame, service.gate("umami"), lines="request", report=True)
    assert report.frame["consent_reason"].to_list() == ["ok", "event_malformed"]


def test_a_struct_is_as_good_as_a_line(service: ConsentService) -> None:
    event = {"event": "x", "consent_token": service.token(), "secret": SECRET}
    gated = gate_polars(pl.DataFrame({"line": [event, {**event, "consent_token": None}]}), service.gate(), lines="line")
    assert '"event":"x"' in gated.frame["line"][0]
    assert SECRET not in gated.frame["line"][0]
    assert dict(gated.counts.dropped) == {"token_missing": 1}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"token": "nowhere"}, "no column nowhere"),
        ({"collected_at": "nowhere"}, "no column nowhere"),
        ({"keep": ["consent_token"]}, "holds the tokens"),
        ({"keep": ["consent_pv"]}, "the gate writes consent_pv"),
    ],
)
def test_what_cannot_be_asked_is_said(service: ConsentService, asked: dict[str, Any], message: str) -> None:
    frame = {"consent_token": [None], "event": ["x"]} | {name: [1] for name in asked.get("keep", ()) if name[-1] == "v"}
    for gate_frame, made in ((gate_pandas, pd.DataFrame(frame)), (gate_polars, pl.DataFrame(frame))):
        with pytest.raises(ValueError, match=message):
            gate_frame(made, service.gate(), **asked)


def test_flat_columns_of_another_tracker_and_an_index_of_data_are_refused(service: ConsentService) -> None:
    frame = pd.DataFrame({"consent_token": [None], "event": ["x"], "user_id": [SECRET]})
    with pytest.raises(ValueError, match="lines='request'"):
        gate_pandas(frame, service.gate("matomo"))
    for indexed in (frame.set_index("user_id"), frame.set_index(pd.Index([SECRET]))):
        with pytest.raises(ValueError, match="is an index"):
            gate_pandas(indexed, service.gate())
    kept = gate_pandas(
        frame.assign(consent_token=service.token()).set_index("user_id"), service.gate(), keep=["user_id"]
    )
    assert list(kept.frame.index) == [SECRET]


def test_other_shapes_of_frames_are_refused(service: ConsentService) -> None:
    twice = pd.DataFrame([[None, 1, 2]], columns=["consent_token", "event", "event"])
    for frame in (twice, twice.set_axis(["consent_token", 1, 2], axis=1)):
        with pytest.raises(ValueError, match="a name of its own"):
            gate_pandas(frame, service.gate())
    lazy: Any = pl.LazyFrame({"consent_token": [None]})
    with pytest.raises(TypeError, match="collect"):
        gate_polars(lazy, service.gate())
    with pytest.raises(TypeError, match="list of columns"):
        gate_polars(pl.DataFrame({"consent_token": [None]}), service.gate(), keep="day")


def test_a_plan_makes_the_same_gate_elsewhere(service: ConsentService) -> None:
    service.clock.at_ms = SystemClock().now_ms()
    lists = ((service.register.signed(1) or b"").decode(),)
    plan = GatePlan(
        service.ring.jwks(), "demo", "analytics", statuses=lists, issuer=ISSUER, options={"fields": {"a": "event"}}
    )
    assert plan.gate.check(service.token()).ok
    there = pickle.loads(pickle.dumps(plan))
    assert there.gate is not plan.gate
    assert there.gate.event({"consent_token": service.token(), "a": 1, "b": 2})["a"] == 1


def test_importing_the_gate_or_the_frames_page_imports_no_frame_library() -> None:
    code = (
        "import sys, cookiegate.gate, cookiegate.gate.gate, cookiegate.gate.frame\n"
        "print(*(name for name in ('numpy', 'pandas', 'polars', 'pyspark', 'pyarrow') if name in sys.modules))\n"
        "sys.modules |= {'numpy': None, 'pandas': None, 'polars': None}\n"
        "for gate_frame in (cookiegate.gate.frame.gate_pandas, cookiegate.gate.frame.gate_polars):\n"
        "    try:\n        gate_frame(None, None)\n    except ImportError as error:\n        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    first, *errors = done.stdout.splitlines()
    assert first == ""
    assert len(errors) == 2
    assert all("pip install 'cookiegate[frames]'" in error for error in errors)

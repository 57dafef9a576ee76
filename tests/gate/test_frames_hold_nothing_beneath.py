"""What was refused, or whose row went, is in no byte of a gated frame: under no null, in no buffer, in no type."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest
from support.consent import ConsentService

from cookiegate.gate.frame import gate_pandas, gate_polars
from cookiegate.gate.frames.polars_columns import PolarsColumns

#: Longer than what polars keeps beside a text's length.
SECRET, GRANTED = "hidden-value-that-is-long-{}", "granted-value-that-is-long"
NUMBER, OTHER = 818_181_818_181, 919_191_919_191


def _is_anywhere(value: Any, written: bytes) -> bool:
    return (value.to_bytes(8, "little") if isinstance(value, int) else value.encode()) in written


def _ipc(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_ipc(target, compression="uncompressed")
    return target.getvalue()


def _ipc_stream(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_ipc_stream(target, compression="uncompressed")
    return target.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target, compression="uncompressed")
    return target.getvalue()


@pytest.mark.parametrize(
    "write", [_ipc, _ipc_stream, pickle.dumps, pl.DataFrame.serialize, _parquet], ids=lambda item: item.__name__
)
@pytest.mark.parametrize(
    "kind", ["text", "category", "enum", "list", "list of enum", "struct", "number", "time"], ids=str
)
def test_polars_writes_nothing_of_it(service: ConsentService, kind: str, write: Callable[..., bytes]) -> None:
    made: list[Any] = [SECRET.format(1), GRANTED, SECRET.format(2)]
    if kind in ("number", "time"):
        made = [NUMBER, OTHER, NUMBER + 1]
    enum = pl.Enum(made if isinstance(made[0], str) else [])
    dtype: Any = {
        "text": pl.String,
        "category": pl.Categorical,
        "enum": enum,
        "list": pl.List(pl.String),
        "list of enum": pl.List(enum),
        "struct": pl.Struct({"a": pl.String}),
        "number": pl.Int64,
        "time": pl.Datetime("ns", "Asia/Tokyo"),
    }[kind]
    cells = [[value] if "list" in kind else {"a": value} if kind == "struct" else value for value in made]
    column = pl.Series(cells, dtype=pl.Int64).cast(dtype) if kind == "time" else pl.Series(cells, dtype=dtype)
    tokens = [service.token(acquire=()), service.token(), None]
    frame = pl.DataFrame({"consent_token": tokens, "event": ["x"] * 3, "language": column, "mine": column})
    fields = {"event": "event", "language.a" if kind == "struct" else "language": "language"}
    gated = gate_polars(frame, service.gate(fields=fields), keep=["mine"]).frame
    assert gated["language"].null_count() == 1
    granted = write(gated.select("event", "language"))
    assert [value for value in (made[0], made[2]) if _is_anywhere(value, granted)] == []
    kept = write(gated.select("event", "mine"))
    assert not _is_anywhere(made[2], kept)
    assert gated["mine"].cast(column.dtype).to_list() == column.to_list()[:2]


def test_polars_columns_stay_what_they_are() -> None:
    times = pl.Series([1, None, 1_234_567_890_123_456_789])
    frame = pl.DataFrame(
        {
            "zoned": times.cast(pl.Datetime("ns", "Asia/Tokyo")),
            "lasting": times.cast(pl.Duration("ns")),
            "deep": pl.Series([{"at": [1]}, None, {"at": None}], dtype=pl.Struct({"at": pl.List(pl.Datetime("ns"))})),
            "pair": pl.Series([[1, 2], None, [3, None]], dtype=pl.Array(pl.Int8, 2)),
            "exact": pl.Series(["1.5", None, "2.25"]).cast(pl.Decimal(20, 4)),
            "bytes": [b"a", None, b"\xff"],
            "float": pl.Series([1.1, None, float("nan")], dtype=pl.Float32),
            "large": pl.Series([2**64 - 1, None, 0], dtype=pl.UInt64),
            "nothing": [None] * 3,
        }
    )
    columns = PolarsColumns(frame)
    columns.settle()
    assert columns.frame.schema == frame.schema
    assert columns.frame.equals(frame)


@pytest.mark.parametrize("kind", ["int64", "Int64", "Float64", "bool", "boolean", "str", "object", "category"])
def test_pandas_pickles_the_same_whatever_was_refused(service: ConsentService, kind: str) -> None:
    tokens = [service.token(acquire=()), service.token(), None]
    texts = kind in ("str", "object", "category")

    def gated(refused: int, dropped: int) -> pd.DataFrame:
        numbers = [refused, 1, dropped]
        cells = [SECRET.format(number) for number in numbers] if texts else numbers
        language = pd.Series(cells, dtype=kind)
        mine = pd.Series([cells[1], cells[1], cells[2]], dtype=kind)
        frame = pd.DataFrame({"consent_token": tokens, "event": "x", "language": language, "mine": mine})
        return gate_pandas(frame, service.gate(), keep=["mine"]).frame

    first, second = gated(1, 1), gated(0, 0)
    assert first["language"].isna().tolist() == [True, False]
    for name in ("language", "mine"):
        assert pickle.dumps(first[name].array) == pickle.dumps(second[name].array)


def test_pandas_notes_beside_the_columns_stay_behind(service: ConsentService) -> None:
    frame = pd.DataFrame({"consent_token": [service.token(), None], "event": ["x", "x"]})
    frame.attrs = {"visitors": [SECRET]}
    frame.columns.name = SECRET
    assert SECRET.encode() not in pickle.dumps(gate_pandas(frame, service.gate()).frame)


@pytest.mark.parametrize(
    "index",
    [
        pd.CategoricalIndex(["monday", SECRET], name="day"),
        pd.MultiIndex.from_tuples([("monday", "x"), (SECRET, "y")], names=["day", "shop"]),
        pd.MultiIndex.from_arrays([pd.Categorical(["monday", SECRET]), pd.Categorical([1, 2])], names=["day", "shop"]),
        pd.Index([5, 6], dtype="Int64", name="day"),
        pd.DatetimeIndex(["2026-11-18", "2026-11-19"], tz="Asia/Tokyo", name="day"),
    ],
    ids=lambda index: type(index).__name__,
)
def test_an_index_that_is_kept_forgets_rows_that_went(service: ConsentService, index: pd.Index) -> None:
    frame = pd.DataFrame({"consent_token": [service.token(), None], "event": ["x", "x"]}, index=index)
    gated = gate_pandas(frame, service.gate(), keep=["day", "shop"][: index.nlevels]).frame
    assert SECRET.encode() not in pickle.dumps(gated)
    assert gated.index.tolist() == index[:1].tolist()
    assert gated.index.names == index.names


@pytest.mark.parametrize(
    "index", [[NUMBER], pd.MultiIndex.from_tuples([("monday", SECRET)], names=["day", None])], ids=["number", "levels"]
)
def test_an_index_without_a_name_needs_one(service: ConsentService, index: Any) -> None:
    frame = pd.DataFrame({"consent_token": [service.token()], "event": ["x"]}, index=index)
    with pytest.raises(ValueError, match="without a name"):
        gate_pandas(frame, service.gate(), keep=["day"] if frame.index.nlevels == 2 else [])
    gated = gate_pandas(frame.reset_index(drop=True), service.gate()).frame
    assert gated.index.tolist() == [0]


def test_rows_that_pandas_numbered_keep_their_numbers(service: ConsentService) -> None:
    frame = pd.DataFrame({"consent_token": [None, service.token(), None, service.token()], "event": "x"})
    assert gate_pandas(frame, service.gate()).frame.index.tolist() == [1, 3]

"""Columns of a polars frame. Types stay, but an enumeration becomes text: its type holds every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cookiegate.gate.frames.columns import NO_TEXT, is_missing

if TYPE_CHECKING:
    from polars.datatypes import DataTypeClass

    from cookiegate.gate.frames.columns import Flags, Numbers, Times

_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_NUMBERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64)


class PolarsColumns:
    """A :class:`~cookiegate.gate.frames.columns.Columns`; polars' frames never change, a new one takes the place.

    Args:
        frame: the frame.

    Raises:
        TypeError: it is a lazy one, say.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        if not isinstance(frame, pl.DataFrame):
            raise TypeError(f"a {type(frame).__name__} cannot be gated: collect() it first")
        self.frame = frame

    @property
    def names(self) -> Sequence[str]:
        """The columns."""
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def texts(self, name: str) -> tuple[Numbers, list[Any]]:
        """A number for each row, and the distinct texts."""
        column = self.frame[name]
        if isinstance(column.dtype, _TEXTS):
            column = column.cast(pl.String)
            distinct = column.unique(maintain_order=True)
            numbers = pl.DataFrame({"text": distinct, "number": np.arange(len(distinct))})
            rows = pl.DataFrame({"text": column}).join(
                numbers, on="text", how="left", nulls_equal=True, maintain_order="left"
            )
            return rows["number"].to_numpy().astype(np.int64), distinct.to_list()
        return column.is_not_null().to_numpy().astype(np.int64), [None, NO_TEXT]

    def times_ms(self, name: str) -> Times | None:
        """Milliseconds since 1970; times without a zone count as UTC."""
        column = self.frame[name]
        if isinstance(column.dtype, pl.Datetime):
            column = column.dt.timestamp("ms")
        elif not column.dtype.is_numeric():
            return None
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()

    def values(self, name: str, rows: Numbers | None = None) -> list[Any]:
        """Python values; None where nothing is."""
        column = self.frame[name] if rows is None else self.frame[name].gather(rows)
        return [None if is_missing(value) else value for value in column.to_list()]

    def present(self, name: str) -> Flags:
        """Where something is."""
        column = self.frame[name]
        found = column.is_not_null()
        if column.dtype.is_float():
            found &= column.is_not_nan().fill_null(value=False)
        return found.to_numpy()

    def infinite(self, name: str) -> Flags | None:
        """Where an infinite number is."""
        column = self.frame[name]
        if not column.dtype.is_float():
            return None
        found = column.is_infinite().fill_null(value=False)
        return found.to_numpy() if found.any() else None

    def is_thorough(self, name: str) -> bool:
        """Whether it may hold objects, lists or bytes."""
        dtype = self.frame[name].dtype
        return dtype.is_nested() or isinstance(dtype, pl.Object | pl.Binary)

    def long_texts(self, name: str, least_chars: int) -> Numbers:
        """Rows whose text is so long."""
        column = self.frame[name]
        if not isinstance(column.dtype, _TEXTS):
            return np.zeros(0, np.int64)
        return (column.cast(pl.String).str.len_chars() >= least_chars).arg_true().to_numpy().astype(np.int64)

    def erase(self, name: str, rows: Flags) -> None:
        """Leaves nothing in these rows."""
        if not rows.any():
            return
        if isinstance(self.frame[name].dtype, pl.Object):
            kept = [None if is_gone else value for is_gone, value in zip(rows, self.frame[name], strict=True)]
            self.frame = self.frame.with_columns(pl.Series(name, kept, dtype=pl.Object))
        else:
            gone = pl.Series(rows)
            self.frame = self.frame.with_columns(pl.when(~gone).then(pl.col(name)).alias(name))

    def put(self, name: str, rows: Numbers, values: Sequence[Any]) -> None:
        """Replaces the values of rows."""
        held = self.frame[name].to_list()
        for row, value in zip(rows.tolist(), values, strict=True):
            held[row] = value
        dtype = self.frame[name].dtype
        # The values of an enumeration are closed, and a cut address or text is none of them.
        self.frame = self.frame.with_columns(pl.Series(name, held, dtype=_mapped(dtype, _opened), strict=False))

    def take(self, rows: Numbers) -> None:
        """Keeps these rows."""
        self.frame = self.frame[rows]

    def drop(self, name: str) -> None:
        """Removes a column."""
        self.frame = self.frame.drop(name)

    def settle(self) -> None:
        """Makes every column anew: polars' own ways share buffers, and null is a mark on a value that stays."""
        if self.frame.width:
            self.frame = pl.DataFrame([_settled(column) for column in self.frame])

    def add(self, name: str, values: Sequence[Any], kind: type = str) -> None:
        """Adds a column."""
        dtype = pl.Int64 if kind is int else pl.String
        self.frame = self.frame.with_columns(pl.Series(name, values, dtype=dtype))


def _settled(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, _NUMBERS):
        return _settled_numbers(column)
    plain = _mapped(column.dtype, _plain)
    made = pl.Series(column.name, column.cast(plain).to_list() if plain != column.dtype else column.to_list(), plain)
    return made.cast(_mapped(column.dtype, _opened))


def _settled_numbers(column: pl.Series) -> pl.Series:
    gone = column.is_null().to_numpy()
    held = column.fill_null(0).to_numpy().copy()
    held[gone] = 0
    made = pl.Series(column.name, held, dtype=column.dtype)
    return made.set(pl.Series(gone), None) if gone.any() else made


def _mapped(dtype: pl.DataType | DataTypeClass, change: Callable[[pl.DataType], pl.DataType]) -> pl.DataType:
    """The type with every type inside changed."""
    if isinstance(dtype, pl.List):
        return pl.List(_mapped(dtype.inner, change))
    if isinstance(dtype, pl.Array):
        return pl.Array(_mapped(dtype.inner, change), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _mapped(field.dtype, change) for field in dtype.fields})
    return change(dtype if isinstance(dtype, pl.DataType) else dtype())


def _opened(dtype: pl.DataType) -> pl.DataType:
    return pl.String() if isinstance(dtype, pl.Enum) else dtype


def _plain(dtype: pl.DataType) -> pl.DataType:
    """The type whose Python values lose nothing, unlike those of times, which have no nanoseconds."""
    if isinstance(dtype, _TEXTS):
        return pl.String()
    return pl.Int64() if dtype.is_temporal() else dtype

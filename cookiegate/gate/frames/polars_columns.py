"""Columns of a polars frame; their types stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cookiegate.gate.frames.columns import NO_TEXT, is_missing

if TYPE_CHECKING:
    from cookiegate.gate.frames.columns import Flags, Numbers, Times

_TEXTS = (pl.String, pl.Categorical, pl.Enum)


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
        dtype = pl.String() if isinstance(dtype, pl.Enum) else dtype
        self.frame = self.frame.with_columns(pl.Series(name, held, dtype=dtype, strict=False))

    def take(self, rows: Numbers) -> None:
        """Keeps these rows."""
        self.frame = self.frame[rows]

    def drop(self, name: str) -> None:
        """Removes a column."""
        self.frame = self.frame.drop(name)

    def add(self, name: str, values: Sequence[Any], kind: type = str) -> None:
        """Adds a column."""
        dtype = pl.Int64 if kind is int else pl.String
        self.frame = self.frame.with_columns(pl.Series(name, values, dtype=dtype))

"""Columns of a pandas frame. Whole numbers and booleans that lose rows become pandas' nullable ones."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cookiegate.gate.frames.columns import NO_TEXT, is_missing

if TYPE_CHECKING:
    from cookiegate.gate.frames.columns import Flags, Numbers, Times

#: What a column of mixed objects may hold and is a value, not a container; subclasses as well.
_SCALARS = (str, bool, int, float, np.number, np.bool_, dt.datetime, dt.date, dt.timedelta, decimal.Decimal)
#: How the names of Arrow's types begin that are lists, objects, bytes or unions.
_ARROW_CONTAINERS = ("struct", "list", "large_list", "fixed_size", "map", "binary", "large_binary", "dense", "sparse")


class PandasColumns:
    """A :class:`~cookiegate.gate.frames.columns.Columns`; the frame that is given stays as it is.

    Args:
        frame: the frame.

    Raises:
        ValueError: two columns have one name, or one that is no text.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame.columns.is_unique or not all(isinstance(name, str) for name in frame.columns):
            raise ValueError("each column needs a name of its own that is a text: rename them before the gate")
        self.frame = frame.copy(deep=False)

    @property
    def names(self) -> Sequence[str]:
        """The columns."""
        return list(self.frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def texts(self, name: str) -> tuple[Numbers, list[Any]]:
        """A number for each row, and the distinct texts."""
        numbers: dict[Any, int] = {}
        found = (value if value is None or isinstance(value, str) else NO_TEXT for value in self.values(name))
        rows = [numbers.setdefault(value, len(numbers)) for value in found]
        return np.array(rows, np.int64), list(numbers)

    def times_ms(self, name: str) -> Times | None:
        """Milliseconds since 1970; times without a zone count as UTC."""
        column = self.frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            at = pd.to_datetime(column, utc=True)
            known: Times = at.dt.as_unit("ms").astype("int64").to_numpy().astype(float)
            known[at.isna().to_numpy()] = np.nan
            return known
        if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
            return None
        numbers: Times = column.to_numpy(dtype=float, na_value=np.nan)
        return numbers

    def values(self, name: str, rows: Numbers | None = None) -> list[Any]:
        """Python values; None where nothing is."""
        column = self.frame[name] if rows is None else self.frame[name].iloc[rows]
        values = column.astype(object).tolist()
        if pd.api.types.is_object_dtype(column.dtype) or isinstance(column.dtype, pd.ArrowDtype):
            values = [_plain(value) for value in values]
        return [None if is_missing(value) or value is pd.NA or value is pd.NaT else value for value in values]

    def present(self, name: str) -> Flags:
        """Where something is."""
        there: Flags = self.frame[name].notna().to_numpy(dtype=bool)
        return there

    def infinite(self, name: str) -> Flags | None:
        """Where an infinite number is."""
        column = self.frame[name]
        if pd.api.types.is_float_dtype(column.dtype):
            found = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
        elif pd.api.types.is_object_dtype(column.dtype):
            values = self.values(name)
            found = np.fromiter(
                (isinstance(value, float) and abs(value) == np.inf for value in values), bool, len(self)
            )
        else:
            return None
        return found if found.any() else None

    def is_thorough(self, name: str) -> bool:
        """Whether it may hold objects, lists or bytes."""
        dtype = self.frame[name].dtype
        if pd.api.types.is_object_dtype(dtype):
            kinds = {type(value) for value in self.frame[name].array if value is not None and value is not pd.NA}
            return any(not issubclass(kind, _SCALARS) for kind in kinds - {type(pd.NaT)})
        if isinstance(dtype, pd.CategoricalDtype):
            return dtype.categories.dtype == object and any(not isinstance(item, _SCALARS) for item in dtype.categories)
        return isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith(_ARROW_CONTAINERS)

    def long_texts(self, name: str, least_chars: int) -> Numbers:
        """Rows whose text is so long."""
        column = self.frame[name]
        if not _may_hold_texts(column.dtype):
            return np.zeros(0, np.int64)
        if isinstance(column.dtype, pd.CategoricalDtype):
            long = {item for item in column.cat.categories if isinstance(item, str) and len(item) >= least_chars}
            return np.flatnonzero(column.isin(long).to_numpy()) if long else np.zeros(0, np.int64)
        values = column.to_numpy(dtype=object).tolist()
        found = [isinstance(value, str) and len(value) >= least_chars for value in values]
        return np.flatnonzero(np.array(found, dtype=bool))

    def erase(self, name: str, rows: Flags) -> None:
        """Leaves nothing to be seen in these rows."""
        if rows.any():
            column = self.frame[name]
            self.frame[name] = column.astype(_nullable(column.dtype)).mask(rows, None).array

    def put(self, name: str, rows: Numbers, values: Sequence[Any]) -> None:
        """Replaces the values of rows."""
        column = self.frame[name]
        held = column.astype(object).to_numpy().copy()
        for row, value in zip(rows.tolist(), values, strict=True):
            held[row] = value
        is_kept = not isinstance(column.dtype, pd.CategoricalDtype)
        kind = column.dtype if is_kept else column.dtype.categories.dtype
        self.frame[name] = pd.Series(held, index=column.index, dtype=kind).array

    def take(self, rows: Numbers) -> None:
        """Keeps these rows."""
        self.frame = self.frame.iloc[rows].copy()

    def drop(self, name: str) -> None:
        """Removes a column."""
        self.frame = self.frame.drop(columns=name)

    def settle(self) -> None:
        """Makes a frame anew: masks and categories keep values that went, and a frame may have notes of its own."""
        index = _settled_index(self.frame.index)
        columns = {name: _settled(self.frame[name]) for name in self.frame.columns}
        self.frame = pd.DataFrame({name: column.set_axis(index) for name, column in columns.items()}, index=index)

    def add(self, name: str, values: Sequence[Any], kind: type = str) -> None:
        """Adds a column."""
        if kind is int:
            self.frame[name] = np.array(values, dtype=np.int64)
        else:
            self.frame[name] = pd.Series(values, index=self.frame.index, dtype=str)


def _nullable(dtype: Any) -> Any:
    """The kind of column that holds the same, or nothing."""
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return f"{'Int' if dtype.kind == 'i' else 'UInt'}{dtype.itemsize * 8}"
    if isinstance(dtype, np.dtype) and dtype.kind == "b":
        return "boolean"
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("dictionary"):
        return pd.ArrowDtype(dtype.pyarrow_dtype.value_type)
    return dtype


def _settled(column: pd.Series) -> pd.Series:
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return column
    gone = column.isna().to_numpy(dtype=bool)
    if isinstance(dtype, pd.ArrowDtype) and "dictionary" in str(dtype):
        # Of a dictionary inside of lists or objects only new values rid the column.
        held = [None if is_gone else value for is_gone, value in zip(gone, column.array, strict=True)]
        return pd.Series(held, index=column.index, dtype=_nullable(dtype))
    # A place of -1 is filled with nothing, where a mask would cover what is there.
    places = np.where(gone, -1, np.arange(len(column)))
    column = pd.Series(column.array.take(places, allow_fill=True), index=column.index)
    return column.cat.remove_unused_categories() if isinstance(dtype, pd.CategoricalDtype) else column


def _settled_index(index: pd.Index) -> pd.Index:
    if isinstance(index, pd.RangeIndex):
        return index
    levels = [_settled(index.get_level_values(place).to_series(name=None)) for place in range(index.nlevels)]
    if isinstance(index, pd.MultiIndex):
        return pd.MultiIndex.from_arrays([level.array for level in levels], names=index.names)
    return pd.Index(levels[0].array, dtype=levels[0].dtype, name=index.name)


def _may_hold_texts(dtype: Any) -> bool:
    return not (isinstance(dtype, np.dtype) and dtype.kind != "O") and not pd.api.types.is_numeric_dtype(dtype)


def _plain(value: Any) -> Any:
    """Lists and objects as JSON has them: Parquet's readers give arrays."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value

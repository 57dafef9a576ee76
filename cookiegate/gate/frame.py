"""The gate for data frames: batches and backfills in pandas, polars and PySpark.

    from cookiegate.gate import Gate, Verifier
    from cookiegate.gate.frame import gate_pandas

    gate = Gate(verifier, purpose="analytics")
    gated = gate_pandas(events, gate, collected_at="collected_at")
    gated.frame.to_parquet("granted.parquet")
    print(gated.counts)

A frame either has the fields of a plain event as columns, the token among them, or one column with each event or each
tracker's request as JSON (``lines="request"``). What the gate decides about lines, it decides about frames; a frame
never says more. Needs ``pip install 'cookiegate[frames]'``, for PySpark its own package.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cookiegate.gate.counts import Counts
from cookiegate.gate.gate import Gate
from cookiegate.gate.trackers.plain import TOKEN_FIELD

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyspark.sql

    from cookiegate.gate.frames.plan import GatePlan

__all__ = ["GatePlan", "Gated", "gate_pandas", "gate_polars", "gate_spark"]
_Frame = TypeVar("_Frame")


@dataclass(frozen=True, slots=True)
class Gated(Generic[_Frame]):
    """A frame that passed a gate, and what was counted.

    Args:
        frame: what may go on; for a report the whole frame and a column ``consent_reason``.
        counts: of this frame alone. PySpark counts as its frame is computed: see :func:`gate_spark`.
    """

    frame: _Frame
    counts: Counts


def gate_pandas(
    frame: pd.DataFrame,
    gate: Gate,
    *,
    token: str = TOKEN_FIELD,
    collected_at: str | None = None,
    lines: str | None = None,
    keep: Iterable[str] = (),
    report: bool = False,
) -> Gated[pd.DataFrame]:
    """Gates a pandas frame.

    Args:
        frame: events; it stays as it is.
        gate: decides. For flat columns its tracker is ``plain``; its field map names columns.
        token: the column with the tokens, of flat columns.
        collected_at: the column that says when each event was received: times (UTC unless they have a zone), RFC 3339,
            or milliseconds since 1970; never later than now, which it also is where nothing stands there. It passes.
        lines: the column that holds each event (``plain``) or request (other trackers) as JSON text or struct; its
            tokens are inside. A row whose batch has events of several grants becomes a row for each.
        keep: columns of your own that pass as they are, such as a partition's day; an index of your own too, by its
            names. Only pandas' own numbering (``RangeIndex``) needs no leave.
        report: drop and change nothing; add ``consent_reason``.

    Returns:
        Flat columns: the rows that pass, in their order, under their index; what is not granted is null, the token's
        column is gone, and ``consent_sub``, ``consent_pv``, ``consent_ep``, ``consent_scope`` and ``consent_acquire``
        say on whose consent a row rests. Types stay, but that integers and booleans become pandas' nullable ones where
        something went, and Arrow's dictionaries their values. Lines: the columns of ``keep``, ``collected_at``, the
        stripped line, and the same five. Nothing beneath the frame holds what was refused or dropped, in no writer.

    Raises:
        ImportError: pandas is not installed.
        TypeError: the frame is another package's.
        ValueError: a column is missing, or stands where the gate writes, or the index is neither numbering nor in
            ``keep``.
    """
    columns_of = _needed("pandas_columns", "pandas").PandasColumns
    _insist(frame, "pandas")
    keep = _check_index(frame, keep)
    return _gated(columns_of, frame, gate, token, collected_at, lines, keep, report)


def gate_polars(
    frame: pl.DataFrame,
    gate: Gate,
    *,
    token: str = TOKEN_FIELD,
    collected_at: str | None = None,
    lines: str | None = None,
    keep: Iterable[str] = (),
    report: bool = False,
) -> Gated[pl.DataFrame]:
    """Gates a polars frame; arguments and outcome are those of :func:`gate_pandas`.

    Every column keeps its type, but an ``Enum`` becomes ``String``: it would carry its other values on.

    Raises:
        ImportError: polars is not installed.
        TypeError: the frame is another package's.
        ValueError: a column is missing, or stands where the gate writes.
    """
    columns_of = _needed("polars_columns", "polars").PolarsColumns
    _insist(frame, "polars")
    return _gated(columns_of, frame, gate, token, collected_at, lines, keep, report)


def gate_spark(
    frame: pyspark.sql.DataFrame,
    plan: GatePlan,
    *,
    token: str = TOKEN_FIELD,
    collected_at: str | None = None,
    lines: str | None = None,
    keep: Iterable[str] = (),
    report: bool = False,
) -> Gated[pyspark.sql.DataFrame]:
    """Gates a PySpark frame with ``mapInPandas``; arguments and outcome are those of :func:`gate_pandas`.

    Args:
        frame: events.
        plan: what gates are made of on the executors; key set and status lists go there once.
        token, collected_at, lines, keep, report: as for :func:`gate_pandas`.

    Returns:
        A frame that is computed when it is asked for, and counts that grow as it is: once for each time, and once more
        for a task that Spark runs again.

    Raises:
        ImportError: PySpark or pandas is not installed.
        ValueError: as for :func:`gate_pandas`.
    """
    asked, _ = _asked(token, collected_at, lines, keep, report)
    gated, counts = _needed("spark", "pyspark").gate(frame, plan, asked)
    return Gated(gated, counts)


def __getattr__(name: str) -> Any:
    if name == "GatePlan":
        return import_module("cookiegate.gate.frames.plan").GatePlan
    raise AttributeError(name)


def _gated(columns_of: Any, frame: _Frame, gate: Gate, *asked_for: Any) -> Gated[_Frame]:
    """A frame in memory, by whichever package holds its columns; the rest is as for :func:`_asked`."""
    asked, run = _asked(*asked_for)
    columns = columns_of(frame)
    counts, reasons = run(gate, columns, asked)
    if reasons is not None:
        columns = columns_of(frame)
        columns.add("consent_reason", reasons)
    return Gated(columns.frame, counts)


def _asked(
    token: str, collected_at: str | None, lines: str | None, keep: Iterable[str], report: bool
) -> tuple[Any, Any]:
    gating = _needed("gating", "numpy")
    return gating.Asked(token, collected_at, lines, gating.names_of(keep), report), gating.run


def _needed(module: str, package: str) -> Any:
    try:
        return import_module(f"cookiegate.gate.frames.{module}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("cookiegate"):
            raise
        fix = "pip install pyspark pandas pyarrow" if package == "pyspark" else "pip install 'cookiegate[frames]'"
        raise ImportError(f"gating frames of {package} needs {error.name}: {fix}") from error


def _insist(frame: object, package: str) -> None:
    owner = type(frame).__module__.partition(".")[0]
    if owner != package and not isinstance(frame, import_module(package).DataFrame):
        raise TypeError(f"gate_{package} takes a DataFrame of {package}, not one of {owner}")


def _check_index(frame: pd.DataFrame, keep: Iterable[str]) -> Iterable[str]:
    """The columns to keep, without those of the index; one that counts rows says nothing and needs no leave."""
    kept = keep if isinstance(keep, str) else set(keep)
    names = list(frame.index.names)
    if names == [None] and isinstance(frame.index, import_module("pandas").RangeIndex):
        return kept
    for name in names:
        if name is None:
            raise ValueError(
                "what stands beside the rows is an index without a name, which no field map decides about:"
                " reset_index(drop=True), or give it a name with rename_axis() and name it in keep"
            )
        if name not in kept:
            raise ValueError(f"{name} is an index, which no field map decides about: reset_index(), or name it in keep")
    return kept if isinstance(kept, str) else kept - set(names)

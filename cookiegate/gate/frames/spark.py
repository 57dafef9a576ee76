"""PySpark: the gate for pandas frames in each task, its plan broadcast once, its counts in an accumulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyspark.accumulators
from pyspark.sql import functions, types

from cookiegate.gate.counts import Counts
from cookiegate.gate.frames.gating import REASON, Asked, run
from cookiegate.gate.frames.pandas_columns import PandasColumns
from cookiegate.gate.frames.plan import GatePlan
from cookiegate.gate.frames.stripping import STAMPS

if TYPE_CHECKING:
    import pyspark.sql
    from numpy.typing import NDArray

#: A task sees times without their zone; these columns tell them as milliseconds since 1970. Times that never had one
#: (``timestamp_ntz``) arrive as they are and count as UTC, whatever the session's zone.
_EXACT = "__cookiegate_ms_"
_TYPES: Mapping[type, Any] = {str: types.StringType(), int: types.LongType()}


class _CountsParam(pyspark.accumulators.AccumulatorParam):  # type: ignore[misc]
    """Adds counts up."""

    def zero(self, value: Counts) -> Counts:
        """No counts."""
        return Counts()

    def addInPlace(self, value1: Counts, value2: Counts) -> Counts:  # noqa: N802  Spark's name
        """The first, with the second added."""
        value1.add(value2)
        return value1


class _SparkColumns(PandasColumns):
    """One batch of a task."""

    def __init__(self, frame: pd.DataFrame) -> None:
        exact = [name for name in frame.columns if name.startswith(_EXACT)]
        super().__init__(frame.drop(columns=exact))
        self._exact = {name.removeprefix(_EXACT): frame[name] for name in exact}

    def times_ms(self, name: str) -> NDArray[Any] | None:
        """Milliseconds since 1970."""
        if name in self._exact:
            exact: NDArray[Any] = self._exact[name].to_numpy(dtype=float, na_value=float("nan"))
            return exact
        return super().times_ms(name)


def gate(frame: pyspark.sql.DataFrame, plan: GatePlan, asked: Asked) -> tuple[pyspark.sql.DataFrame, Counts]:
    """The gated frame, and counts that grow as it is computed.

    Raises:
        ValueError, StatusListError: what is wrong with the plan or the columns shows here, not in a task.
    """
    made = plan.make()
    asked.check(made, frame.columns)
    context, counts = frame.sparkSession.sparkContext, Counts()
    timed = {asked.collected_at, *(made.rules.times.names if asked.lines is None else ())}
    exact = {
        _EXACT + field.name: functions.unix_millis(functions.col(f"`{field.name}`").cast("timestamp"))
        for field in frame.schema.fields
        if field.name in timed and isinstance(field.dataType, types.TimestampType)
    }
    task = _task(context.broadcast(plan), context.accumulator(counts, _CountsParam()), asked)
    gated = frame.withColumns(exact) if exact else frame
    return gated.mapInPandas(task, _schema(frame.schema, asked)), counts


def _schema(schema: types.StructType, asked: Asked) -> types.StructType:
    fields = [types.StructField(field.name, field.dataType) for field in schema.fields]
    if asked.report:
        return types.StructType([*fields, types.StructField(REASON, types.StringType())])
    stamps = [types.StructField(name, _TYPES[kind]) for name, kind in STAMPS.items()]
    if asked.lines is None:
        return types.StructType([*(field for field in fields if field.name != asked.token), *stamps])
    own = [field for field in fields if field.name in asked.own()]
    return types.StructType([*own, types.StructField(asked.lines, types.StringType()), *stamps])


def _task(plan: Any, total: Any, asked: Asked) -> Callable[[Iterable[pd.DataFrame]], Iterator[pd.DataFrame]]:
    def run_task(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        made = plan.value.gate
        for batch in batches:
            columns = _SparkColumns(batch)
            whole = columns.frame
            counts, reasons = run(made, columns, asked)
            total.add(counts)
            yield columns.frame if reasons is None else whole.assign(**{REASON: reasons})

    return run_task

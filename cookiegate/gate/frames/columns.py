"""A frame's columns, whatever library holds them: what the gate needs to see and to change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]
    Times: TypeAlias = NDArray[np.float64]

#: Stands for a token that is no text.
NO_TEXT = 0


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, or what numbers have for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


class Columns(Protocol):
    """A frame on its way through a gate. Rows are counted from 0; a row's place never changes but by :meth:`take`."""

    @property
    def names(self) -> Sequence[str]:
        """The columns."""
        ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def texts(self, name: str) -> tuple[Numbers, list[Any]]:
        """A number for each row and the distinct texts by number: None where nothing is, :data:`NO_TEXT` for others."""
        ...

    def times_ms(self, name: str) -> Times | None:
        """Milliseconds since 1970, NaN where nothing is; None unless the column is of times or numbers."""
        ...

    def values(self, name: str, rows: Numbers | None = None) -> list[Any]:
        """Python values of rows, of all if None; None where nothing is."""
        ...

    def present(self, name: str) -> Flags:
        """Where something is."""
        ...

    def infinite(self, name: str) -> Flags | None:
        """Where an infinite number is, which no JSON has; None if there is none."""
        ...

    def is_thorough(self, name: str) -> bool:
        """Whether it may hold objects, lists or bytes, which the gate must look into one by one."""
        ...

    def long_texts(self, name: str, least_chars: int) -> Numbers:
        """Rows whose text is so long."""
        ...

    def erase(self, name: str, rows: Flags) -> None:
        """Leaves nothing to be seen in these rows; :meth:`settle` makes it sure."""
        ...

    def put(self, name: str, rows: Numbers, values: Sequence[Any]) -> None:
        """Replaces the values of rows."""
        ...

    def take(self, rows: Numbers) -> None:
        """Keeps these rows, in this order; one may be there several times."""
        ...

    def drop(self, name: str) -> None:
        """Removes a column."""
        ...

    def settle(self) -> None:
        """Makes every column anew of what is seen: nothing that was erased, or whose row went, stays beneath."""
        ...

    def add(self, name: str, values: Sequence[Any], kind: type = str) -> None:
        """Adds a column of texts, or of whole numbers where ``kind`` is ``int``."""
        ...

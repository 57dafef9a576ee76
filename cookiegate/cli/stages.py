"""Progress bars for work of several stages, on a terminal alone."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from tqdm import tqdm


class Stages:
    """A bar for the stage that is under way.

    Args:
        units: of each stage's counts, by its name.
    """

    def __init__(self, **units: str) -> None:
        self._units = units
        self._name = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, name: str, more: int, total: int | None) -> None:
        """Goes on with the stage ``name`` by ``more`` of ``total``."""
        if name != self._name or self._bar is None:
            self._end()
            unit = f" {self._units[name]}"
            self._name, self._bar = name, tqdm(total=total, desc=name, unit=unit, unit_scale=True, disable=None)
        self._bar.update(more)

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

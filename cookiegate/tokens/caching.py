"""A bounded memory of what was verified."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class TwoGenerations(Generic[_Key, _Value]):
    """A bounded cache whose hit is one dict look-up: when the young half is full, the old half is let go.

    What is used stays: a hit in the old half moves to the young one. Safe for threads.

    Args:
        size: the most entries that are held.
    """

    __slots__ = ("_half", "_lock", "_old", "_young", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._half = max(1, size // 2)
        self._young: dict[_Key, _Value] = {}
        self._old: dict[_Key, _Value] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: _Key) -> _Value | None:
        """The value, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: _Key, value: _Value) -> None:
        """Keeps a value, letting go of what was not used for longest, by halves."""
        with self._lock:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = value

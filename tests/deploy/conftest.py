"""A service per test, where one is wanted."""

from __future__ import annotations

from support.benches import bench, visitor

__all__ = ["bench", "visitor"]

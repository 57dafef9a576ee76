"""A service per test."""

from __future__ import annotations

from support.benches import bench, visitor

__all__ = ["bench", "visitor"]

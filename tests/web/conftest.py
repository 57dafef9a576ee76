"""A service per test."""

from __future__ import annotations

from support.benches import bench, visitor
from support.collecting import collector, forwarding

__all__ = ["bench", "collector", "forwarding", "visitor"]

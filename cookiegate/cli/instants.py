"""Moments on a command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click


class Instant(click.ParamType[int]):
    """A moment as RFC 3339 text, or a day (its first moment in UTC); milliseconds since 1970 to whoever asks."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads the text."""
        if isinstance(value, int):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment such as 2026-11-21T09:00:00Z or 2026-11-21", param, ctx)
        return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)

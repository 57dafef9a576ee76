"""Waiting for what will be so, without guessing how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], deadline_s: float = 30.0) -> None:
    """Returns as soon as ``condition`` holds.

    Raises:
        AssertionError: it did not hold before the deadline.
    """
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, "what was waited for did not come"
        threading.Event().wait(0.02)

"""Waiting for what will be so, without guessing how long it takes."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], deadline_s: float = 30.0, told: Callable[[], str] = str) -> None:
    """Returns as soon as ``condition`` holds.

    Raises:
        AssertionError: it did not hold before the deadline; with what ``told`` tells of why.
    """
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, f"what was waited for did not come {told()}"
        threading.Event().wait(0.02)


def answers(port: int, path: str, status: int) -> bool:
    """Whether a server of this machine gives a status, now."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except OSError:
        return False
    finally:
        connection.close()

"""Counters of rate limits in memory."""

from __future__ import annotations

import threading

import pytest
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from cookiegate.web import counters
from cookiegate.web.counters import CalmMemoryStorage


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved by hand."""
    at = [1_795_000_000.0]
    monkeypatch.setattr(counters.time, "time", lambda: at[0])
    return at


def test_a_window_ends_and_begins_anew(now: list[float]) -> None:
    storage = CalmMemoryStorage()
    assert [storage.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    now[0] += 59
    assert storage.incr("a", 60) == 4
    now[0] += 1
    assert storage.incr("a", 60) == 1


def test_counters_that_ended_are_swept(now: list[float]) -> None:
    storage = CalmMemoryStorage()
    for number in range(100):
        storage.incr(f"visitor-{number}", 60)
    now[0] += 61
    storage.incr("another", 60)
    assert set(storage.storage) == {"another"}


def test_no_count_is_lost_between_threads() -> None:
    storage = CalmMemoryStorage()

    def count() -> None:
        for _ in range(1000):
            storage.incr("a", 60)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.get("a") == 8000


def test_a_limiter_takes_it_by_uri() -> None:
    limiter = FixedWindowRateLimiter(storage_from_string("calm-memory://"))
    assert [limiter.hit(parse("2/minute"), "a") for _ in range(3)] == [True, True, False]

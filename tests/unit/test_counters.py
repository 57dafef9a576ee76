"""Counters of rate limits: in memory, and what the limiter sees of them."""

from __future__ import annotations

import threading

import pytest
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from cookiegate.storage.cache import memory
from cookiegate.storage.cache.memory import MemoryCache
from cookiegate.web.counters import SharedCounters


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved by hand."""
    at = [1_795_000_000.0]
    monkeypatch.setattr(memory.time, "time", lambda: at[0])
    return at


def test_a_window_ends_and_begins_anew(now: list[float]) -> None:
    counters = SharedCounters(cache=MemoryCache())
    assert [counters.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    now[0] += 59
    assert counters.incr("a", 60) == 4
    now[0] += 1
    assert counters.incr("a", 60) == 1


def test_counters_that_ended_are_swept(now: list[float]) -> None:
    cache = MemoryCache()
    for number in range(100):
        cache.count(f"visitor-{number}", 60)
    now[0] += 61
    cache.count("another", 60)
    assert cache.counters() == 1


def test_no_count_is_lost_between_threads() -> None:
    counters = SharedCounters(cache=MemoryCache())

    def count() -> None:
        for _ in range(1000):
            counters.incr("a", 60)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.get("a") == 8000


def test_a_limiter_takes_them_by_uri() -> None:
    cache = MemoryCache()
    limiter = FixedWindowRateLimiter(storage_from_string("cookiegate://", cache=cache))  # type: ignore[arg-type]
    assert [limiter.hit(parse("2/minute"), "a") for _ in range(3)] == [True, True, False]


def test_the_headers_of_a_request_show_its_own_count(now: list[float]) -> None:
    limiter = FixedWindowRateLimiter(SharedCounters(cache=MemoryCache()))
    item = parse("5/minute")
    limiter.hit(item, "a")
    assert tuple(limiter.get_window_stats(item, "a")) == (now[0] + 60, 4)
    assert tuple(limiter.get_window_stats(item, "b")) == (now[0], 5)
    now[0] += 61
    assert limiter.get_window_stats(item, "a").remaining == 5

"""The breaker: when it opens, who may try, when it closes."""

from __future__ import annotations

import threading

import pytest

from cookiegate.storage.cache.breaker import CLOSED, HALF_OPEN, OPEN, Breaker


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def breaker(hands: Hands, told: list[str]) -> Breaker:
    return Breaker(failures_max=3, retry_after_s=1.0, slow_s=0.1, on_change=told.append, clock=hands)


def test_it_opens_after_failures_in_a_row(breaker: Breaker, told: list[str]) -> None:
    for _ in range(2):
        breaker.failed()
    breaker.succeeded(0.01)
    for _ in range(2):
        breaker.failed()
    assert breaker.is_closed
    breaker.failed()
    assert (breaker.is_closed, told) == (False, [OPEN])


def test_slow_answers_are_failures(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.succeeded(0.2)
    assert breaker.state == OPEN


def test_one_call_at_its_deadline_opens_it(breaker: Breaker) -> None:
    breaker.failed(at_deadline=True)
    assert breaker.state == OPEN


def test_after_a_while_one_caller_may_try(breaker: Breaker, hands: Hands, told: list[str]) -> None:
    breaker.failed(at_deadline=True)
    hands.at += 0.9
    assert not breaker.wants_try()
    hands.at += 0.2
    assert [breaker.wants_try() for _ in range(3)] == [True, False, False]
    assert not breaker.is_closed
    breaker.tried(went_well=False)
    assert not breaker.wants_try()
    hands.at += 1.1
    assert breaker.wants_try()
    breaker.tried(went_well=True)
    assert breaker.is_closed
    assert told == [OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED]


def test_calls_that_were_under_way_do_not_keep_it_open(breaker: Breaker, hands: Hands) -> None:
    breaker.failed(at_deadline=True)
    for _ in range(5):
        breaker.failed(at_deadline=True)
    hands.at += 1.1
    assert breaker.wants_try()
    breaker.tried(went_well=True)
    breaker.failed()
    assert breaker.is_closed


def test_of_many_threads_one_tries(breaker: Breaker, hands: Hands) -> None:
    breaker.failed(at_deadline=True)
    hands.at += 2
    go, won = threading.Event(), list[bool]()

    def ask() -> None:
        go.wait()
        won.append(breaker.wants_try())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 15 + [True]

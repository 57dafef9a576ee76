"""Knowledge that may be relied upon, and for how long."""

from __future__ import annotations

from cookiegate.tokens.knowledge import SILENCE_MAX_S, Knowledge


class Hands:
    """A clock that is moved by hand."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_who_writes_alone_knows_everything() -> None:
    clock = Hands()
    knowledge = Knowledge(clock)
    clock.at += 1e9
    assert knowledge.is_fresh
    knowledge.read_whole(knowledge.begin())
    clock.at += 1e9
    assert knowledge.is_fresh


def test_silence_makes_it_stale_and_reading_fresh() -> None:
    clock = Hands()
    knowledge = Knowledge(clock)
    knowledge.demand()
    clock.at += SILENCE_MAX_S - 0.01
    assert knowledge.is_fresh
    clock.at += 0.02
    assert not knowledge.is_fresh
    knowledge.read_whole(knowledge.begin())
    assert knowledge.is_fresh


def test_it_counts_from_when_reading_began_not_from_when_it_ended() -> None:
    clock = Hands()
    knowledge = Knowledge(clock)
    knowledge.demand()
    began = knowledge.begin()
    clock.at += SILENCE_MAX_S + 1
    knowledge.read_whole(began)  # a slow reader may have missed what came after it began
    assert not knowledge.is_fresh


def test_a_withdrawal_elsewhere_is_felt_within_five_seconds() -> None:
    assert SILENCE_MAX_S < 5

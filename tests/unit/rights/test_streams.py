"""Streams, their acknowledgement, and pushing them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.delivering import SUB, Post
from support.hooks import HookServer

from cookiegate.errors import InvalidInputError
from cookiegate.rights.delivery.state import read_lags
from cookiegate.rights.delivery.streams import SUBJECT_KEPT_MS
from cookiegate.storage.contract import StatusSlot
from cookiegate.storage.tables import revocations
from cookiegate.storage.tables_deliveries import subscribers


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    hooks = HookServer()
    yield hooks
    hooks.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.close()


def named(post: Post, name: str) -> object:
    return next(item for item in post.subscribers.all() if item.name == name)


def acknowledge(post: Post, name: str, stream: str, through: int) -> int:
    return post.streams.acknowledge(named(post, name), stream, through, post.clock.now_ms())  # type: ignore[arg-type]


def revoke(post: Post, sub: str = SUB, site: str = "demo", index: int = 1) -> None:
    now_ms = post.clock.now_ms()
    post.storage.write(lambda transaction: transaction.revoke(StatusSlot(1, index), site, sub, 2, now_ms))


def test_with_nobody_to_tell_an_erasure_is_acknowledged(post: Post) -> None:
    assert post.streams.is_acknowledged(post.tell("erase"))


def test_everyone_who_follows_must_acknowledge_and_then_the_subject_is_forgotten(post: Post) -> None:
    post.subscribe("one", "consent.erase")
    post.subscribe("two", "consent.*", site="demo")
    post.subscribe("other-site", "consent.*", site="shop")
    post.subscribe("other-stream", "consent.suspend")
    sequence = post.tell("erase")
    assert not post.streams.is_acknowledged(sequence)
    acknowledge(post, "one", "erase", sequence)
    assert not post.streams.is_acknowledged(sequence)
    assert post.subs() == [SUB]
    acknowledge(post, "two", "erase", sequence)
    assert post.streams.is_acknowledged(sequence)
    assert post.subs() == [None]


def test_a_sequence_that_was_never_given_out_is_not_acknowledged(post: Post) -> None:
    assert not post.streams.is_acknowledged(7)


def test_an_acknowledgement_never_goes_back_or_ahead(post: Post) -> None:
    post.subscribe("one", "consent.erase")
    first, second = post.tell("erase"), post.tell("erase")
    assert acknowledge(post, "one", "erase", second) == second
    assert acknowledge(post, "one", "erase", first) == second
    with pytest.raises(InvalidInputError):
        acknowledge(post, "one", "erase", second + 1)


def test_a_subscriber_hears_of_what_happens_after_it_came(post: Post) -> None:
    post.subscribe("early", "consent.erase")
    before = post.tell("erase")
    post.subscribe("late", "consent.erase")
    after = post.tell("erase")
    acknowledge(post, "early", "erase", after)
    assert post.streams.is_acknowledged(before)
    assert not post.streams.is_acknowledged(after)
    late = named(post, "late")
    assert post.streams.acknowledged(late, "erase") == before  # type: ignore[arg-type]


def test_a_subscriber_that_was_removed_no_longer_counts(post: Post) -> None:
    post.subscribe("one", "consent.erase")
    sequence = post.tell("erase")
    post.subscribers.remove("one")
    assert post.streams.is_acknowledged(sequence)
    assert post.subs() == [None]


def test_a_subscriber_that_lags_is_seen(post: Post) -> None:
    post.subscribe("one", "consent.erase,consent.withdrawn")
    post.tell("erase")
    post.tell("erase", site="shop")
    revoke(post)
    post.clock.advance(50)
    lags = {lag.stream: (lag.waiting, lag.oldest_at_ms) for lag in read_lags(post.storage)}
    since = post.clock.now_ms() - 50_000
    assert lags == {"erase": (2, since), "withdrawn": (1, since)}


def test_events_are_pushed_in_order_and_answered_by_2xx(post: Post, hooks: HookServer) -> None:
    secret = post.subscribe("one", "consent.*", url=hooks.url)
    sequences = [post.tell(kind) for kind in ("suspend", "resume", "erase")]
    revoke(post)
    assert post.pusher.push_due() == 4
    messages = hooks.verified(secret)
    assert [message["type"] for message in messages] == [
        "consent.withdrawn", "consent.suspend", "consent.resume", "consent.erase",
    ]  # fmt: skip
    assert {message["data"]["sub"] for message in messages} == {SUB}
    assert len(set(hooks.ids())) == 4
    assert all("." not in message_id for message_id in hooks.ids())
    assert all(post.streams.is_acknowledged(sequence) for sequence in sequences)
    assert post.pusher.push_due() == 0
    assert post.subs() == [None] * 3


def test_a_push_that_fails_is_repeated_under_the_same_id_for_ever(post: Post, hooks: HookServer) -> None:
    post.subscribe("one", "consent.erase", url=hooks.url)
    sequence = post.tell("erase")
    hooks.status = 503
    for _ in range(30):
        post.pusher.push_due()
        post.clock.advance(8 * 3_600)
    assert not post.streams.is_acknowledged(sequence)
    assert post.subscribers.all()[0].fault == "http_503"
    hooks.status = 200
    assert post.pusher.push_due() == 1
    assert len(set(hooks.ids())) == 1
    assert post.streams.is_acknowledged(sequence)


def test_a_message_that_is_refused_does_not_hold_withdrawals_up(post: Post, hooks: HookServer) -> None:
    post.subscribe("one", "consent.*", url=hooks.url)
    post.tell("erase")
    hooks.status = 400
    post.pusher.push_due()
    revoke(post)
    hooks.got.clear()
    post.clock.advance(80)
    post.pusher.push_due()
    assert [message_id.partition("_")[0] for message_id in hooks.ids()] == ["withdrawn", "erase"]


def test_a_subscriber_that_is_gone_still_counts_until_it_is_removed(post: Post, hooks: HookServer) -> None:
    post.subscribe("one", "consent.erase", url=hooks.url)
    sequence = post.tell("erase")
    hooks.status = 410
    post.pusher.push_due()
    assert post.subscribers.all()[0].state == "gone"
    assert not post.streams.is_acknowledged(sequence)
    post.subscribers.remove("one")
    assert post.streams.is_acknowledged(sequence)


def test_two_processes_push_each_event_once(tmp_path: Path, hooks: HookServer) -> None:
    first = Post(tmp_path)
    first.subscribe("one", "consent.erase", url=hooks.url)
    second = Post(tmp_path, clock=first.clock, own_files=True)
    first.tell("erase")
    claim = first.pusher._claim(first.subscribers.all()[0])
    assert claim is not None
    assert second.pusher.push_due() == 0
    first.pusher._note(first.subscribers.all()[0], claim, None)
    assert second.pusher.push_due() == 1
    first.close()
    second.close()


def test_ids_are_not_used_again_by_a_record_that_was_restored(tmp_path: Path) -> None:
    ids = []
    for name in ("before", "after"):
        post = Post(tmp_path / name)
        post.subscribe("one", "consent.erase")
        post.tell("erase")
        revoke(post)
        ids += [event.id for stream in ("erase", "withdrawn") for event in post.streams.read((stream,), after=0)]  # type: ignore[arg-type]
        post.clock.advance(1)
        post.close()
    assert len(set(ids)) == 4


def test_revocations_forget_their_subject_after_a_day_and_keep_their_bit(post: Post) -> None:
    revoke(post, index=1)
    post.clock.advance(SUBJECT_KEPT_MS / 1000)
    revoke(post, index=2)
    post.clock.advance(1)
    assert post.streams.forget_subjects(post.clock.now_ms()) == 1
    rows = post.storage.read(sa.select(revocations).order_by(revocations.c.sequence))
    assert [(row["status_index"], row["sub"]) for row in rows] == [(1, None), (2, SUB)]
    assert [event.sequence for event in post.streams.read(("withdrawn",), after=0)] == [rows[1]["sequence"]]


def test_with_nobody_to_tell_no_subject_is_remembered(post: Post) -> None:
    post.tell("erase")
    assert post.subs() == [None]


def test_a_secret_that_was_changed_from_outside_holds_no_other_subscriber_up(post: Post, hooks: HookServer) -> None:
    post.subscribe("a-changed", "consent.erase", url=hooks.url)
    post.subscribe("b-good", "consent.erase", url=hooks.url)
    change = sa.update(subscribers).where(subscribers.c.name == "a-changed").values(secret=b"x" * 80)
    post.storage.write(lambda transaction: transaction.execute(change))
    post.tell("erase")
    assert post.pusher.push_due() == 1
    assert post.subscribers.all()[0].fault == "record_damaged"

"""A message counts once, when it is done: whatever was tried again, and whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.consent import ConsentService
from support.redis_servers import RedisServer
from support.waiting import until
from support.workers import Worker

from cookiegate.workers import redis_worker
from cookiegate.workers.judging import Judge, Message, Outcome
from cookiegate.workers.redis_worker import RedisOptions, RedisWorker
from cookiegate.workers.running import PASSED, Stop, Tallies
from workers.closing_table import closing
from workers.redis_streams import arguments, entries, event, fill, pending


def deliveries(redis: RedisServer) -> int:
    """How often the first entry was given out: once for each time that it is judged."""
    with redis.client() as client:
        # A worker answers for itself before it has made its group.
        groups: Any = client.xinfo_groups("in")
        found: Any = client.xpending_range("in", "cookiegate", "-", "+", 1) if groups else []
    return int(found[0]["times_delivered"]) if found else 0


class Meddled(Judge):
    """Judges as ever; then something happens before the outcome can be written."""

    def __init__(self, service: ConsentService, meddle: Callable[[int], object]) -> None:
        super().__init__({"plain": service.gate()})
        self._meddle = meddle
        self._times = 0

    def judge(self, messages: Sequence[Message]) -> list[Outcome]:
        found = super().judge(messages)
        self._times += 1
        self._meddle(self._times)
        return found


def test_what_could_not_be_written_is_counted_when_it_is(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    """A server that gives entries out, and does not let the worker write what becomes of them."""
    token = service.token(acquire=["browsing"])
    fill(redis, [*(event(token, number) for number in range(5)), b"not JSON"])
    redis.ask("ACL", "SETUSER", "default", "-evalsha")
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: deliveries(redis) > 2)
        assert not worker.has_counted("plain", PASSED, 5)
        redis.ask("ACL", "SETUSER", "default", "+evalsha")
        until(lambda: worker.has_counted("plain", PASSED, 5))
        assert worker.has_counted("plain", "event_malformed", 1)
        assert worker.metrics()["cookiegate_worker_messages_total"] == 6
        assert worker.stop() == 0
        assert closing(worker.told) == {
            "accepted": 5, "dropped": 1, "event_malformed": 1, "fields stripped": 5, "language": 5,
        }  # fmt: skip


def test_what_is_not_done_is_not_counted(redis: RedisServer, service: ConsentService, options: tuple[str, ...]) -> None:
    fill(redis, [event(service.token())])
    redis.ask("ACL", "SETUSER", "default", "-evalsha")
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: deliveries(redis) > 1)
        assert worker.stop() == 0
        assert closing(worker.told) == {"accepted": 0, "dropped": 0, "fields stripped": 0}
    assert pending(redis) == 1


@pytest.mark.parametrize(("idle_s", "is_mine"), [(60.0, True), (0.1, False)])
def test_what_was_written_counts_though_the_answer_was_lost(
    redis: RedisServer, service: ConsentService, monkeypatch: pytest.MonkeyPatch, idle_s: float, *, is_mine: bool
) -> None:
    """A server that stands still takes what it was sent, and does it when it goes on."""
    monkeypatch.setattr(redis_worker, "SOCKET_WAIT_S", 1.5)
    token = service.token(acquire=["browsing"])
    fill(redis, [event(token, number) for number in range(10)])
    stop, tallies, told = Stop(), Tallies(), list[str]()

    def tell(sentence: str) -> None:
        told.append(sentence)
        if sentence.startswith("Waiting"):
            redis.resume()
        else:
            stop.set()

    where = RedisOptions(redis.url, "in", "out", "out:dead", batch=5, idle_s=idle_s)
    judge = Meddled(service, lambda times: redis.pause() if times == 2 else None)
    RedisWorker(judge, where, tell, tallies).run(stop)
    assert told[-1] == "Redis is back."
    assert len(entries(redis, "out")) == 10
    assert pending(redis) == 0
    mine = 10 if is_mine else 5
    assert (tallies.messages, tallies.overtaken) == (mine, 10 - mine)
    assert tallies.counts["plain"].stripped == {"language": mine}


def test_what_others_finished_of_a_batch_is_theirs_alone(redis: RedisServer, service: ConsentService) -> None:
    narrow, wide = service.token(acquire=["browsing"]), service.token(acquire=["browsing", "language"])
    ids = fill(redis, [event(wide if number % 2 else narrow, number) for number in range(10)] + [b"{}"])
    stop, tallies = Stop(), Tallies()

    def finish_elsewhere(_: int) -> None:
        with redis.client() as client:
            client.xack("in", "cookiegate", *ids[:5])
        stop.set()

    where = RedisOptions(redis.url, "in", "out", "out:dead")
    RedisWorker(Meddled(service, finish_elsewhere), where, print, tallies).run(stop)
    assert (tallies.messages, tallies.overtaken) == (6, 5)
    counts = tallies.counts["plain"]
    assert (counts.accepted, dict(counts.dropped)) == (5, {"token_missing": 1})
    assert counts.stripped == {"language": 2}, "6 and 8 alone"
    assert len(entries(redis, "out")) == 5


def test_a_server_that_came_back_empty_has_finished_nothing(redis: RedisServer, service: ConsentService) -> None:
    fill(redis, [event(service.token())])
    stop, tallies = Stop(), Tallies()

    def tell(sentence: str) -> None:
        if sentence.startswith("Waiting"):
            redis.start()
        else:
            stop.set()

    where = RedisOptions(redis.url, "in", "out", "out:dead")
    RedisWorker(Meddled(service, lambda _: redis.kill()), where, tell, tallies).run(stop)
    assert (tallies.messages, tallies.overtaken, entries(redis, "out")) == (0, 0, [])

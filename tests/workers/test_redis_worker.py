"""``cookiegate worker redis``: real processes, a real Redis, and what goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.consent import SUB, ConsentService
from support.redis_servers import RedisServer
from support.shelves import Shelf
from support.waiting import until
from support.workers import Worker

from workers.redis_streams import arguments, entries, event, fill, pending

ENTRIES = 4_000


def test_what_passes_goes_on_and_the_rest_leaves_its_reason(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    token = service.token(acquire=["browsing"])
    secret = b'{"event": "secret-event", "email": "who@example.test"}'
    with redis.client() as client:
        client.xadd("in", {"something": "else"})
    ids = fill(redis, [event(token), b"not JSON", secret, b"\xff\x00", event(token + "x"), b"[" * 20_000, event(token)])
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: worker.metrics().get("cookiegate_worker_messages_total") == 8)
        assert worker.stop() == 0
        assert "accepted" in worker.told
    out = entries(redis, "out")
    assert [item["entry"] for item in out] == [ids[0], ids[6]]
    assert {json.loads(item["line"])["consent"]["sub"] for item in out} == {SUB}
    assert "language" not in out[0]["line"]
    dead = entries(redis, "out:dead")
    assert [(item["entry"], item["reason"]) for item in dead[1:]] == [
        (ids[1], "event_malformed"), (ids[2], "token_missing"), (ids[3], "event_malformed"),
        (ids[4], "token_malformed"), (ids[5], "event_malformed"),
    ]  # fmt: skip
    assert {tuple(item) for item in dead} == {("entry", "tracker", "reason", "events")}
    assert token not in json.dumps(dead)
    assert "secret" not in json.dumps(dead)
    assert pending(redis) == 0


def test_an_entry_of_ten_megabytes_is_put_aside(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    fill(redis, [b'{"event":"' + b"x" * 10_000_000 + b'"}', event(service.token())])
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: worker.has_counted("plain", "passed", 1))
        assert worker.has_counted("plain", "body_too_large", 1)
    assert len(entries(redis, "out")) == 1
    assert entries(redis, "out:dead")[0]["reason"] == "body_too_large"


def test_entries_may_name_their_tracker(redis: RedisServer, service: ConsentService, options: tuple[str, ...]) -> None:
    token = service.token()
    request = {"method": "GET", "path": "/matomo.php?idsite=1&rec=1&url=u", "headers": {"X-Consent-Token": token}}
    fill(redis, [event(token)], kind="plain")
    fill(redis, [json.dumps(request).encode()], kind="matomo")
    fill(redis, [event(token)], kind="umami")
    fill(redis, [event(token)])
    more = ("--tracker", "plain", "--tracker", "matomo", "--tracker-field", "kind")
    with Worker(*arguments(redis, *more), *options) as worker:
        until(lambda: worker.metrics().get("cookiegate_worker_messages_total") == 4)
        assert worker.has_counted("plain", "passed", 1)
        assert worker.has_counted("matomo", "passed", 1)
        assert worker.has_counted("(no tracker)", "tracker_mismatch", 2)
    assert len(entries(redis, "out")) == 2


def test_whoever_is_killed_leaves_exactly_one_copy(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    tokens = [service.token(sub=f"{number:022d}", idx=number) for number in range(20)]
    lines = [event(tokens[number % 20], number) if number % 10 else b"{}" for number in range(ENTRIES)]
    ids = fill(redis, lines)
    more = ("--batch", "50", "--idle", "1")
    with Worker(*arguments(redis, *more), *options) as first, Worker(*arguments(redis, *more), *options) as second:
        until(lambda: len(entries(redis, "out")) > 200)
        with redis.client() as client:  # stands still with entries in hand, as a machine that is cut off
            consumers: Any = client.xinfo_consumers("in", "cookiegate")
        assert len(consumers) == 2
        first.kill()
        until(lambda: pending(redis) == 0)
        assert second.stop() == 0
    numbers = Counter(json.loads(item["line"])["value"] for item in entries(redis, "out"))
    assert numbers == Counter(number for number in range(ENTRIES) if number % 10)
    dead = Counter(item["entry"] for item in entries(redis, "out:dead"))
    assert dead == Counter(ids[::10])


def test_entries_in_the_hands_of_the_dead_are_claimed(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    """A consumer that read entries and was never heard of again."""
    fill(redis, [event(service.token(), number) for number in range(10)])
    with redis.client() as client:
        client.xgroup_create("in", "cookiegate", id="0")
        client.xreadgroup("cookiegate", "dead-one", {"in": ">"})
    with Worker(*arguments(redis, "--idle", "0.2"), *options) as worker:
        until(lambda: len(entries(redis, "out")) == 10)
        assert worker.stop() == 0
    assert pending(redis) == 0


def test_what_another_has_finished_is_not_written_twice(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    """Two workers hold the same entries: the slow one that was taken for dead, and the one that claimed them."""
    from cookiegate.workers.judging import Judge, Outcome
    from cookiegate.workers.redis_worker import RedisOptions, RedisWorker
    from cookiegate.workers.running import Stop, Tallies

    class Slow(Judge):
        def judge(self, messages: Any) -> list[Outcome]:
            found = super().judge(messages)
            with Worker(*arguments(redis, "--idle", "0.1"), *options) as other:
                until(lambda: len(entries(redis, "out")) == 10)
                assert other.stop() == 0
            stop.set()
            return found

    fill(redis, [event(service.token(), number) for number in range(10)])
    stop, tallies, told = Stop(), Tallies(), list[str]()
    where = RedisOptions(redis.url, "in", "out", "out:dead")
    RedisWorker(Slow({"plain": service.gate()}), where, told.append, tallies).run(stop)
    assert len(entries(redis, "out")) == 10
    assert (tallies.messages, tallies.overtaken, told) == (0, 10, [])


def test_a_server_that_is_killed_is_waited_for(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    fill(redis, [event(service.token())])
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: len(entries(redis, "out")) == 1)
        redis.kill()
        until(lambda: worker.has_told("Waiting for Redis"))
        assert worker.metrics()["cookiegate_worker_connected"] == 0
        redis.start()
        fill(redis, [event(service.token(), 2)])
        until(lambda: worker.has_told("Redis is back"))
        until(lambda: len(entries(redis, "out")) == 1)
        until(lambda: worker.has_counted("plain", "passed", 2))
        assert worker.stop() == 0
        assert str(redis.port) not in worker.told.replace("/metrics", "")


def test_while_a_list_cannot_be_had_nothing_is_judged(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...], tmp_path: Path
) -> None:
    """A service that goes away, and comes back."""
    service.register.ensure(2)
    (tmp_path / "shelf").mkdir()
    shelf = Shelf(tmp_path / "shelf")
    for number in (1, 2):
        shelf.put(str(number), service.register.signed(number) or b"")
    with shelf, Worker(*arguments(redis), *options[:-1], f"{shelf.address}/1") as worker:
        fill(redis, [event(service.token())])
        until(lambda: worker.has_counted("plain", "passed", 1))
        shelf.is_down = True
        fill(redis, [event(service.token(status_list=2)), b"{}"])
        until(lambda: worker.has_told("Waiting for a status list: one that a token names cannot be had"))
        assert worker.metrics()["cookiegate_worker_decides"] == 0
        assert len(entries(redis, "out:dead")) == 0
        assert pending(redis) == 2
        shelf.is_down = False
        until(lambda: worker.has_counted("plain", "passed", 2))
        until(lambda: worker.has_counted("plain", "token_missing", 1))
        until(lambda: worker.has_told("A status list is back"))
        until(lambda: worker.metrics()["cookiegate_worker_decides"] == 1)
        assert worker.stop() == 0
    assert [item["reason"] for item in entries(redis, "out:dead")] == ["token_missing"]
    assert pending(redis) == 0


@pytest.mark.parametrize("key", ["out", "out:dead"])
def test_a_key_that_is_no_stream_ends_the_worker_with_nothing_written(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...], key: str
) -> None:
    page = {"event": "$pageview", "properties": {"consent_token": service.token()}}
    body = json.dumps({"batch": [page, {"event": "$pageview", "properties": {}}]})
    with redis.client() as client:
        client.set(key, "no stream")
    fill(redis, [json.dumps({"method": "POST", "path": "/batch/", "headers": {}, "body": body}).encode()])
    with Worker(*arguments(redis, "--tracker", "posthog"), *options) as worker:
        until(lambda: worker.code is not None)
        until(lambda: worker.has_told(f"the key '{key}' in Redis is no stream"))
        assert worker.code != 0
    with redis.client() as client:
        assert client.exists("out", "out:dead") == 1
    assert pending(redis) == 1


def test_sigterm_finishes_what_is_in_hand_and_leaves_the_group(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    lines = [event(service.token(), number) for number in range(ENTRIES)]
    fill(redis, lines)
    with Worker(*arguments(redis, "--delete", "--keep-out", "100000"), *options) as worker:
        until(lambda: len(entries(redis, "out")) > 100)
        assert worker.stop() == 0
    with redis.client() as client:
        groups: Any = client.xinfo_groups("in")
        left = client.xlen("in")
    assert (groups[0]["consumers"], groups[0]["pending"]) == (0, 0)
    assert left + len(entries(redis, "out")) == ENTRIES


def test_what_could_not_be_read_is_never_deleted(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...]
) -> None:
    fill(redis, [event(service.token())])
    with Worker(*arguments(redis, "--delete", "--field", "payload"), *options):
        until(lambda: len(entries(redis, "out:dead")) == 1)
        until(lambda: pending(redis) == 0)
    assert len(entries(redis, "in")) == 1
    assert entries(redis, "out") == []


def test_a_password_that_is_missing_or_wrong_is_told_in_words(options: tuple[str, ...]) -> None:
    with RedisServer(requirepass="right") as server:
        wrong = server.url.replace("://", "://:wrong@")
        for url in (server.url, wrong):
            with Worker("redis", "--redis", url, "--in", "in", "--out", "out", *options) as worker:
                until(lambda worker=worker: worker.has_told("the server wants another name or password"))
                assert "wrong@" not in worker.told


def test_what_waits_is_in_the_metrics(redis: RedisServer, service: ConsentService, options: tuple[str, ...]) -> None:
    with redis.client() as client:
        client.xadd("in", {"line": event(service.token())}, id="1700000000000-0")
        client.xgroup_create("in", "cookiegate", id="0")
        client.xreadgroup("cookiegate", "elsewhere", {"in": ">"})
    with Worker(*arguments(redis), *options) as worker:
        until(lambda: "cookiegate_worker_lag" in worker.metrics())
        metrics = worker.metrics()
    assert metrics["cookiegate_worker_lag"] == 1
    assert metrics["cookiegate_worker_oldest_seconds"] > 1_000_000
    assert metrics["cookiegate_worker_connected"] == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--redis", "http://x", "--in", "a", "--out", "b"), "--redis must be an address such as redis://"),
        (("--redis", "redis://x", "--in", "a", "--out", "a"), "--in and --out are both 'a'"),
        (("--redis", "redis://x", "--in", "a", "--out", "b", "--metrics", "x"), "must be a port such as 9464"),
        (("--redis", "redis://x", "--in", "a", "--out", "b", "--jwks", "/nowhere"), "cannot read /nowhere"),
    ],
)
def test_errors_name_the_option_and_the_way_out(options: tuple[str, ...], more: tuple[str, ...], words: str) -> None:
    from click.testing import CliRunner

    from cookiegate.cli.worker import command

    result = CliRunner().invoke(command, ["redis", *options, *more])
    assert result.exit_code != 0
    assert words in result.output + str(result.exception)

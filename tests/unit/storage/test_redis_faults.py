"""Redis that is gone, stands still, drips, refuses or lies: every call ends, misses, and soon nobody asks any more.

A call without a deadline would not come back from most of these at all, so that these tests need no clock.
"""

from __future__ import annotations

import gc
import socket
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from support.bad_redis import BadRedis
from support.caches import Watch, open_redis, servers_of, works_again
from support.redis_servers import ClusterGroup, RedisServer, SentinelGroup, wait_until

from cookiegate.storage.cache.contract import Role, Versioned
from cookiegate.storage.cache.redis import APART_MAX, RedisCache

GARBLED = {
    "not_redis": b"HTTP/1.1 200 OK\r\n\r\n",
    "no_number": b":x\r\n",
    "a_list_without_end": b"*1\r\n" * 2_000,
    "too_long": b"$99999999\r\n" + b"x" * 5_000_000,
    "nothing": b"$-1\r\n",
    "no_version": b"$3\r\nabc\r\n",
    "another_type": b"*3\r\n:1\r\n",
}
ERRORS = {
    name: f"-{text}\r\n".encode()
    for name, text in {
        "loading": "LOADING Redis is loading the dataset in memory",
        "moved": "MOVED 3999 127.0.0.1:1",
        "moved_in_circles": "MOVED 3999 :0",
        "wrong_type": "WRONGTYPE Operation against a key holding the wrong kind of value",
        "no_script": "NOSCRIPT No matching script",
        "no_permission": "NOPERM this user has no permissions",
        "no_login": "NOAUTH Authentication required.",
        "cluster_down": "CLUSTERDOWN The cluster is down",
        "no_disk": "MISCONF Redis is configured to save RDB snapshots",
    }.items()
}


def asks_everything(cache: RedisCache) -> None:
    """None of it raises; what comes back says that there is nothing."""
    cache.count("a", 60)
    cache.counted("a")
    cache.find(Role.CONSENTS, "a")
    cache.keep(Role.STATUS, "a", Versioned(1, b"x"), 5)
    cache.lead("seal", "A", 5)
    cache.yield_lead("seal", "A")
    cache.tell(b"news")
    cache.forget(Role.COUNTERS, "a")


def opens(cache: RedisCache, watch: Watch) -> None:
    """The breaker opens, and from then on calls are spared."""
    wait_until(lambda: cache.counted("a") is None and "open" in watch.states, "the breaker opens")
    wait_until(lambda: cache.counted("a") is None and watch.spares[Role.COUNTERS] > 0, "calls are spared")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def used(server: RedisServer) -> Iterator[tuple[RedisCache, Watch]]:
    """A cache that has a connection already."""
    with open_redis(server.url) as (cache, watch):
        works_again(cache)
        yield cache, watch


def kill(server: RedisServer) -> None:
    server.kill()


def stand_still(server: RedisServer) -> None:
    server.pause()


def pause_clients(server: RedisServer) -> None:
    server.ask("CLIENT", "PAUSE", 60_000, "ALL")


def make_replica(server: RedisServer) -> None:
    server.ask("REPLICAOF", "127.0.0.1", 1)


def take_memory(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", 1)


def start_again(server: RedisServer) -> None:
    server.start()


def walk_on(server: RedisServer) -> None:
    server.resume()


def let_clients(server: RedisServer) -> None:
    server.kill()  # while it pauses its clients it does not hear that it shall go on
    server.start()


def make_master(server: RedisServer) -> None:
    server.ask("REPLICAOF", "NO", "ONE")


def give_memory(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", 0)


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        (kill, start_again),
        (stand_still, walk_on),
        (pause_clients, let_clients),
        (make_replica, make_master),
        (take_memory, give_memory),
    ],
    ids=["killed", "stopped", "clients_paused", "readonly", "out_of_memory"],
)
def test_a_fault_makes_misses_then_nobody_asks_then_it_mends(
    server: RedisServer,
    used: tuple[RedisCache, Watch],
    breaks: Callable[[RedisServer], None],
    mends: Callable[[RedisServer], None],
) -> None:
    cache, watch = used
    breaks(server)
    wait_until(lambda: not cache.keep(Role.STATUS, "a", Versioned(1, b"x"), 5) and watch.states, "the breaker opens")
    asks_everything(cache)
    assert watch.spares
    mends(server)
    works_again(cache)
    assert watch.states[-1] == "closed"


def test_a_redis_that_stands_still_costs_one_call_not_one_each(
    server: RedisServer, used: tuple[RedisCache, Watch]
) -> None:
    cache, watch = used
    with server.paused():
        for number in range(200):
            assert cache.count(f"key-{number}", 60) is None
        # The tries after a while run apart, so that no request waits for them or fails with them.
        assert watch.spares[Role.COUNTERS] == 199


def test_a_redis_that_was_never_there_is_no_obstacle() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with open_redis(f"redis://127.0.0.1:{port}") as (cache, watch):
        asks_everything(cache)
        cache.listen(lambda message: None)
        assert (cache.count("a", 60), watch.states, watch.listens) == (None, ["open"], False)


def test_a_server_that_does_not_take_connections_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for line in waiting:  # fills the queue of the kernel, which then drops what comes
            line.setblocking(False)
            line.connect_ex(address)
        with open_redis(f"redis://127.0.0.1:{address[1]}") as (cache, watch):
            opens(cache, watch)
        for line in waiting:
            line.close()


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hangs(*_: object) -> list[object]:
        released.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with open_redis("redis://redis.internal") as (cache, watch):
        opens(cache, watch)
        wait_until(lambda: cache.counted("a") is None and watch.states.count("half-open") > 1, "two tries")
        hanging = [thread for thread in threading.enumerate() if thread.name == "cookiegate-redis"]
        assert len(hanging) <= APART_MAX
        released.set()
        for thread in hanging:
            thread.join(10)


def test_an_answer_that_drips_without_end_is_not_waited_for() -> None:
    server = BadRedis(b"$100000\r\n", drips=True)
    with open_redis(server.url) as (cache, watch):
        assert cache.find(Role.CONSENTS, "a") is None
        assert watch.states == ["open"]
    server.close()


@pytest.mark.parametrize("answer", [*GARBLED.values(), *ERRORS.values()], ids=[*GARBLED, *ERRORS])
def test_a_redis_that_lies_or_refuses_is_a_miss(answer: bytes) -> None:
    server = BadRedis(answer)
    with open_redis(server.url) as (cache, watch):
        asks_everything(cache)
        assert cache.find(Role.CONSENTS, "a") is None
        assert watch.failures
    server.close()


@pytest.mark.parametrize("order", ["MOVED", "ASK"])
def test_a_server_alone_that_sends_us_on_is_not_followed(order: str) -> None:
    inner = BadRedis(b"+OK\r\n")
    server = BadRedis(f"-{order} 1 127.0.0.1:{inner.port}\r\n".encode())
    with open_redis(server.url) as (cache, watch):
        asks_everything(cache)
        assert watch.failures
    assert inner.connections == 0
    server.close()
    inner.close()


def test_a_wrong_password_is_a_miss_and_a_right_one_is_not() -> None:
    with RedisServer(requirepass="p@ss:word") as server:
        host = f"127.0.0.1:{server.port}"
        with open_redis(f"redis://:wrong@{host}") as (cache, watch):
            opens(cache, watch)
            assert watch.cause == "AuthenticationError"
        with open_redis(f"redis://:p%40ss%3Aword@{host}/2") as (cache, _):
            works_again(cache)
            assert server.ask("INFO", "keyspace").keys() == {"db2"}
        servers = servers_of(f"redis://:p%40ss%3Aword@{host}")
        assert "p@ss" not in repr(servers)


def test_what_is_paused_does_not_hold_whoever_closes(server: RedisServer) -> None:
    with open_redis(server.url) as (cache, watch):
        cache.listen(lambda message: None)
        wait_until(lambda: watch.listens, "it listens")
        server.pause()
    server.resume()


def test_a_listener_comes_back_after_a_restart(server: RedisServer) -> None:
    with open_redis(server.url) as (cache, watch):
        heard: list[bytes] = []
        cache.listen(heard.append)
        wait_until(lambda: watch.listens, "it listens")
        server.kill()
        wait_until(lambda: not watch.listens, "it does not")
        server.start()
        wait_until(lambda: watch.listens, "it listens again")
        wait_until(lambda: cache.tell(b"back") and heard, "news")


def test_behind_sentinels_the_new_master_is_found_when_the_old_one_dies() -> None:
    with SentinelGroup() as group, open_redis(group.url) as (cache, watch):
        heard: list[bytes] = []
        cache.listen(heard.append)
        works_again(cache)
        wait_until(lambda: watch.listens, "it listens")
        group.first.kill()
        wait_until(lambda: group.master() == group.second.port, "the sentinels have a new master")
        works_again(cache)
        assert cache.count("after", 60) is not None
        wait_until(lambda: cache.tell(b"news") and heard, "news from the new master")


def test_behind_sentinels_a_master_that_became_a_replica_is_left() -> None:
    with SentinelGroup() as group, open_redis(group.url) as (cache, watch):
        heard: list[bytes] = []
        cache.listen(heard.append)
        works_again(cache)
        wait_until(lambda: watch.listens, "it listens")
        group.ask_for_another_master()
        wait_until(lambda: group.master() == group.second.port, "the sentinels have a new master")
        wait_until(
            lambda: cache.keep(Role.STATUS, "moved", Versioned(1, b"x"), 60) and _is_on(group.second, "moved"),
            "what is kept is kept on the new master",
        )
        wait_until(lambda: cache.tell(b"news") and heard, "news from the new master")


def _is_on(server: RedisServer, name: str) -> bool:
    return server.ask("ROLE")[0] == b"master" and any(key.endswith(name.encode()) for key in server.ask("KEYS", "*"))


def test_one_sentinel_of_three_that_stands_still_does_not_hide_the_master() -> None:
    with SentinelGroup() as group, group.sentinels[0].paused(), open_redis(group.url) as (cache, _):
        works_again(cache)


def test_a_cluster_without_one_of_its_servers_is_not_asked_until_it_is_back() -> None:
    with ClusterGroup() as group, open_redis(group.url) as (cache, watch):
        works_again(cache)
        group.servers[1].pause()
        wait_until(lambda: _counts_everywhere(cache) is None and "open" in watch.states, "the breaker opens")
        group.servers[1].resume()
        wait_until(lambda: _counts_everywhere(cache), "every slot is used again")


def _counts_everywhere(cache: RedisCache) -> bool | None:
    found = [cache.count(f"spread-{number}", 60) for number in range(32)]
    return True if all(found) else None


def test_a_slot_that_moved_is_followed() -> None:
    with ClusterGroup() as group, open_redis(group.url) as (cache, watch):
        assert _counts_everywhere(cache)
        group.move_keys(group.servers[0], group.servers[2])
        wait_until(lambda: _counts_everywhere(cache), "every slot is used")
        assert "open" not in watch.states


def test_a_failure_keeps_nothing_of_the_request_that_met_it(server: RedisServer) -> None:
    class Kept:
        """Something that a request holds."""

    gc.collect()
    gc.disable()
    try:
        with open_redis(server.url) as (cache, _):
            works_again(cache)
            server.kill()
            found = []

            def request() -> None:
                held = Kept()
                found.append(weakref.ref(held))
                assert cache.count("a", 60) is None

            for _ in range(5):
                request()
            assert [reference() for reference in found] == [None] * 5
    finally:
        gc.enable()

"""Two nodes on one record and one Redis: withdrawals, status lists and leads that they share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from support.redis_servers import ClusterGroup, RedisServer, SentinelGroup, wait_until
from support.service import Bench, Visitor, make_bench

from cookiegate.storage.cache.contract import Role, Versioned
from cookiegate.storage.contract import StatusSlot
from cookiegate.web import leads
from cookiegate.web.chores import Chore
from cookiegate.web.fan_out import FanOut
from cookiegate.web.leads import Leads

KINDS = {"standalone": RedisServer, "sentinel": SentinelGroup, "cluster": ClusterGroup}
CHECK = "/gate/check?purpose=analytics"
GENEROUS = {"RATE_LIMIT_WRITES": "100000/minute", "RATE_LIMIT_TOKENS": "100000/minute"}


@dataclass
class Nodes:
    """Two services that share a data folder and a record, as two processes do. Nothing is followed but on demand."""

    one: Bench
    two: Bench

    def hear(self) -> None:
        """Makes both listen to each other."""
        for bench in (self.one, self.two):
            bench.service.fan_out.listen()
            wait_until(lambda bench=bench: "cookiegate_redis_hears 1.0" in metrics(bench), "it hears")  # type: ignore[misc]


def metrics(bench: Bench) -> str:
    return bench.visitor().send("GET", "/metrics").text


def check(bench: Bench, token: str) -> tuple[int, str | None]:
    answer = bench.visitor().send("GET", CHECK, headers={"X-Consent-Token": token})
    return answer.status_code, answer.headers.get("X-Consent-Reason")


def status_list(bench: Bench, number: int = 1) -> bytes:
    return bench.visitor().send("GET", f"/status/{number}").data


def open_nodes(folder: Path, url: str) -> Nodes:
    return Nodes(*(make_bench(folder, REDIS_URL=url, **GENEROUS) for _ in range(2)))


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def nodes(tmp_path: Path, server: RedisServer) -> Iterator[Nodes]:
    nodes = open_nodes(tmp_path, server.url)
    yield nodes
    for bench in (nodes.one, nodes.two):
        bench.service.close()


def granted(bench: Bench) -> tuple[Visitor, str]:
    visitor = bench.visitor()
    return visitor, str(visitor.decide("accept").get_json()["token"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_withdrawal_is_felt_on_the_other_node_before_it_follows_the_record(kind: str, tmp_path: Path) -> None:
    with KINDS[kind]() as servers:
        nodes = open_nodes(tmp_path, servers.url)
        nodes.hear()
        visitor, token = granted(nodes.one)
        nodes.two.service.follow()
        assert check(nodes.two, token) == (204, None)
        assert visitor.decide("withdraw").status_code == 201
        wait_until(lambda: check(nodes.two, token) == (403, "withdrawn"), "the other node denies")
        for bench in (nodes.one, nodes.two):
            bench.service.close()


def test_without_redis_the_record_tells(nodes: Nodes, server: RedisServer) -> None:
    nodes.hear()
    visitor, token = granted(nodes.one)
    nodes.two.service.follow()
    server.kill()
    assert visitor.decide("withdraw").status_code == 201
    assert check(nodes.two, token) == (204, None)
    nodes.two.service.follow()
    assert check(nodes.two, token) == (403, "withdrawn")


def test_an_erasure_and_a_restriction_are_told_too(nodes: Nodes) -> None:
    nodes.hear()
    for path in ("restrict", "erase"):
        visitor, token = granted(nodes.one)
        nodes.two.service.follow()
        assert check(nodes.two, token) == (204, None)
        assert visitor.send("POST", f"/v1/sites/demo/record/{path}").status_code < 300
        wait_until(lambda token=token: check(nodes.two, token)[0] == 403, "the other node denies")  # type: ignore[misc]


def test_nobody_but_the_nodes_can_tell(nodes: Nodes, server: RedisServer) -> None:
    nodes.hear()
    _, token = granted(nodes.one)
    nodes.two.service.follow()
    (channel,) = server.ask("PUBSUB", "CHANNELS")
    stranger = FanOut(nodes.one.service.cache, os.urandom(32), lambda *_: None)
    row = nodes.one.service.storage.decisions("demo")[0]
    assert row.slot is not None
    stranger.tell(row.slot, str(row.sub), 99)
    with closing(redis.Redis(port=server.port)) as client:
        for message in (b"", b"x" * 10, b"x" * 100, b"\x94\x01\x02\xa1x\x03", b"x" * 1_000_000):
            assert client.publish(channel, message) == 2
    own = FanOut(nodes.one.service.cache, nodes.one.service.keyring.secret("fan-out"), lambda *_: None)
    own.tell(StatusSlot(1, 10**9), "nobody", 1)  # a place that no list has
    own.tell(StatusSlot(1, 5), "somebody", 1)
    wait_until(lambda: nodes.two.service.register.is_revoked(1, 5), "what a node tells is heard")
    assert check(nodes.two, token) == (204, None)


def test_redis_does_not_see_whose_withdrawal_it_carries(nodes: Nodes, server: RedisServer) -> None:
    told: list[bytes] = []
    fan_out = FanOut(nodes.one.service.cache, b"k" * 32, lambda *_: None)
    nodes.two.service.cache.listen(told.append)
    wait_until(lambda: server.ask("PUBSUB", "CHANNELS"), "it listens")
    fan_out.tell(StatusSlot(1, 5), "whose-subject", 2)
    wait_until(lambda: told, "it hears")
    assert b"whose-subject" not in told[0]


def test_one_node_signs_a_status_list_and_the_other_serves_its_bytes(nodes: Nodes) -> None:
    visitor, _ = granted(nodes.one)
    visitor.decide("withdraw")
    for bench in (nodes.one, nodes.two):
        bench.service.follow()
    signed = status_list(nodes.one)
    nodes.two.clock.advance(1)  # its own would have another time in it
    assert status_list(nodes.two) == signed
    assert nodes.two.service.register.is_revoked(1, nodes.one.service.storage.revocations()[0].slot.index)


def test_a_node_never_serves_a_list_that_lacks_what_it_knows(nodes: Nodes) -> None:
    visitor, _ = granted(nodes.two)
    nodes.one.service.follow()
    old = status_list(nodes.one)
    assert status_list(nodes.two) == old
    visitor.decide("withdraw")
    nodes.two.clock.advance(1)
    new = status_list(nodes.two)
    assert new != old
    # One has neither followed the record nor heard: what two signed tells it.
    slot = nodes.two.service.storage.revocations()[0].slot
    nodes.one.clock.advance(1)
    nodes.one.service.register.revoke(slot.list_id, slot.index)
    assert status_list(nodes.one) == new


@pytest.mark.parametrize("change", ["garbled", "foreign", "of_another_list", "expired", "older"])
def test_a_list_from_redis_is_served_only_if_it_is_as_good_as_our_own(nodes: Nodes, change: str) -> None:
    one, two = nodes.one.service, nodes.two.service
    visitor, _ = granted(nodes.one)
    nodes.two.service.follow()
    before = status_list(nodes.one)
    visitor.decide("withdraw")
    for service in (one, two):
        service.follow()
    one.register.ensure(2)
    bad = {
        "garbled": before[:-3] + b"abc",
        "foreign": b".".join([*before.split(b".")[:2], before.split(b".")[2][::-1]]),
        "of_another_list": one.register.signed(2, nodes.one.clock.now_ms()),
        "expired": before,
        "older": before,
    }[change]
    if change == "expired":
        nodes.two.clock.advance(3600)
    assert bad is not None
    two.cache.keep(Role.STATUS, "1", Versioned(10**6, bad), 60)
    served = status_list(nodes.two)
    assert served != bad
    assert served == two.register.current(1, nodes.two.clock.now_ms())


def test_one_of_two_nodes_leads_and_the_record_is_asked_by_the_leader_alone(nodes: Nodes) -> None:
    asked: list[str] = []

    class Counting:
        """The record, with its questions for leads counted."""

        def __init__(self, bench: Bench, name: str) -> None:
            self._storage, self._name = bench.service.storage, name

        def lease(self, name: str, holder: str, ttl_s: float) -> bool:
            """Counts and passes on."""
            asked.append(self._name)
            return self._storage.lease(name, holder, ttl_s)

    first = Leads(Counting(nodes.one, "one"), nodes.one.service.cache)  # type: ignore[arg-type]
    second = Leads(Counting(nodes.two, "two"), nodes.two.service.cache)  # type: ignore[arg-type]
    assert [first.take("seal"), second.take("seal"), second.take("seal"), first.take("seal")] == [
        True,
        False,
        False,
        True,
    ]
    assert asked == ["one", "one"]


def test_the_record_decides_who_leads_whatever_redis_says(nodes: Nodes, server: RedisServer) -> None:
    first = Leads(nodes.one.service.storage, nodes.one.service.cache)
    second = Leads(nodes.two.service.storage, nodes.two.service.cache)
    assert first.take("seal")
    server.ask("FLUSHALL")
    assert not second.take("seal")  # Redis says yes, the record no; the hint is given back
    assert first.take("seal")
    server.kill()
    assert [first.take("seal"), second.take("seal")] == [True, False]


def test_a_redis_that_always_says_no_stops_no_work(
    nodes: Nodes, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.two.service.cache.lead("seal", "nobody", 3600)
    mine = Leads(nodes.one.service.storage, nodes.one.service.cache)
    assert not mine.take("seal")
    monkeypatch.setattr(leads, "ASK_RECORD_EVERY_S", 0.0)
    assert mine.take("seal")


def test_after_a_leader_fell_silent_the_other_leads(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leads, "LEAD_S", 0.3)
    first = Leads(nodes.one.service.storage, nodes.one.service.cache)
    second = Leads(nodes.two.service.storage, nodes.two.service.cache)
    assert first.take("seal")
    wait_until(lambda: second.take("seal"), "the other leads")
    assert not first.take("seal")


def test_a_node_that_has_not_heard_from_the_record_lets_nothing_pass(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, **GENEROUS)
    visitor, token = granted(bench)
    assert check(bench, token) == (204, None)
    bench.service.knowledge.demand(0)  # as if it had been silent for long
    assert check(bench, token) == (401, "status_unavailable")
    answers = {path: visitor.send(method, path).status_code for method, path in ASKED.items()}
    assert answers == dict.fromkeys(ASKED.values(), 503)
    assert visitor.send("GET", "/readyz").get_json()["checks"]["withdrawals"] == "not_heard_lately"
    assert visitor.send("GET", "/w/demo.js").status_code == 200  # the page is never stopped
    bench.service.knowledge.demand(3600)
    assert check(bench, token) == (204, None)
    assert visitor.send("POST", "/v1/sites/demo/token").status_code == 200
    bench.service.close()


ASKED = {"POST": "/v1/sites/demo/token", "GET": "/status/1"}


def test_one_process_alone_relies_on_what_it_knows(tmp_path: Path) -> None:
    if os.environ.get("TEST_DATABASE"):
        pytest.skip("on a server's record no process is alone")
    bench = make_bench(tmp_path, **GENEROUS)
    bench.service.chores[:] = [Chore("nothing", 3600.0, lambda: None)]
    bench.service.start()
    _, token = granted(bench)
    assert check(bench, token) == (204, None)
    assert bench.service.knowledge._until_s == float("inf")
    bench.service.close()

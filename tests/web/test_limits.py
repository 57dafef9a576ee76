"""Rate limits: who shares a bucket, what is forged, and a real Redis that comes and goes."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.redis_servers import RedisServer
from support.service import Bench, make_bench
from werkzeug.test import Client

from cookiegate.web.app import create_app

PATH = "/v1/sites/demo/decisions"


def statuses(bench: Bench, address: str, count: int, **headers: str) -> list[int]:
    client = bench.visitor().client
    return [
        client.open(PATH, method="POST", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code
        for _ in range(count)
    ]


def test_each_address_has_its_own_share(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="2/minute")
    assert statuses(bench, "203.0.113.1", 3) == [400, 400, 429]
    assert statuses(bench, "203.0.113.2", 3) == [400, 400, 429]
    bench.service.close()


def test_addresses_of_one_ipv6_site_share(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="2/minute")
    assert statuses(bench, "2001:db8::1", 2) == [400, 400]
    assert statuses(bench, "2001:db8::ffff:2", 1) == [429]
    assert statuses(bench, "2001:db8:0:1::1", 1) == [400]
    bench.service.close()


def test_a_forged_forwarded_header_changes_nothing(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="2/minute")
    for number in range(2):
        assert statuses(bench, "203.0.113.1", 1, **{"X-Forwarded-For": f"198.51.100.{number}"}) == [400]
    assert statuses(bench, "203.0.113.1", 1, **{"X-Forwarded-For": "198.51.100.9"}) == [429]
    bench.service.close()


def test_behind_a_trusted_proxy_the_rightmost_foreign_hop_counts(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="2/minute", TRUSTED_PROXIES="10.0.0.0/8")
    for forged in ("1.1.1.1", "2.2.2.2"):
        chain = f"{forged}, 203.0.113.1, 10.0.0.3"
        assert statuses(bench, "10.0.0.2", 1, **{"X-Forwarded-For": chain}) == [400]
    assert statuses(bench, "10.0.0.2", 1, **{"X-Forwarded-For": "3.3.3.3, 203.0.113.1"}) == [429]
    assert statuses(bench, "10.0.0.2", 1, **{"X-Forwarded-For": "203.0.113.2"}) == [400]
    bench.service.close()


def test_buckets_change_with_the_day_and_hold_no_address(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    from cookiegate.web.call import Call

    call = Call({"REQUEST_METHOD": "GET", "REMOTE_ADDR": "203.0.113.1"})
    today = bench.service.clients.bucket(call, "demo")
    bench.clock.advance(86_400)
    assert bench.service.clients.bucket(call, "demo") != today
    assert len(today.removeprefix("demo:")) == 16
    bench.service.close()


def test_a_limited_refusal_says_when_to_come_back(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="1/minute")
    visitor = bench.visitor()
    assert visitor.decide("accept").status_code == 201
    answer = visitor.decide("withdraw")
    assert answer.status_code == 429
    assert answer.get_json()["retry_after_s"] == int(answer.headers["Retry-After"])
    bench.service.close()


def test_two_nodes_share_counters_through_redis_and_go_on_without_it(tmp_path: Path) -> None:
    with RedisServer() as server:
        one = make_bench(tmp_path / "one", RATE_LIMIT_WRITES="3/minute", REDIS_URL=server.url)
        shutil.copytree(tmp_path / "one" / "keys", tmp_path / "two" / "keys")  # nodes of one service share their keys
        two = make_bench(tmp_path / "two", RATE_LIMIT_WRITES="3/minute", REDIS_URL=server.url)
        assert statuses(one, "203.0.113.1", 2) == [400, 400]
        assert statuses(two, "203.0.113.1", 2) == [400, 429]
        server.kill()
        visitor = one.visitor()
        assert visitor.decide("accept").status_code == 201  # nothing is lost with Redis
        for bench in (one, two):
            bench.service.close()


def test_a_redis_that_stands_still_costs_the_process_one_call(tmp_path: Path) -> None:
    with RedisServer() as server:
        bench = make_bench(tmp_path, RATE_LIMIT_WRITES="30/minute", REDIS_URL=server.url)
        flask = Client(create_app(bench.service))
        with server.paused():
            answers = statuses(bench, "203.0.113.1", 20)
            here = {"environ_base": {"REMOTE_ADDR": "203.0.113.1"}}
            answers += [flask.open(PATH, method="POST", **here).status_code for _ in range(20)]
            metrics = bench.visitor().send("GET", "/metrics").text
        # The front and Flask go on counting together, in this process's memory.
        assert answers == [400] * 30 + [429] * 10
        assert 'cookiegate_redis_failures_total{role="counters"} 1.0' in metrics
        assert "cookiegate_redis_breaker 2.0" in metrics or "cookiegate_redis_breaker 1.0" in metrics
        bench.service.close()


def test_made_up_sites_share_one_bucket(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_WRITES="2/minute")
    client = bench.visitor().client
    answers = [client.post(f"/v1/sites/{'x' * 1000}{number}/decisions").status_code for number in range(4)]
    assert answers == [404, 404, 429, 429]
    assert client.post(PATH).status_code == 400  # the real site has its own
    bench.service.close()


def test_collected_events_are_limited_too(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, RATE_LIMIT_EVENTS="2/minute")
    visitor = bench.visitor()
    answers = [visitor.send("POST", "/collect/plausible/api/event", data=b"{}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {"http://shop.test"}
    bench.service.close()

"""The streams in Redis and Kafka: from the record, at least once, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kafka_servers import KafkaServer, admin, read_all
from support.redis_servers import ClusterGroup, RedisServer, SentinelGroup
from support.service import Bench, make_bench
from werkzeug.test import Client

from cookiegate.errors import SettingsError
from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.kafka_destination import KafkaDestination
from cookiegate.rights.delivery.publishing import StreamPublisher
from cookiegate.rights.delivery.redis_destination import RedisDestination, open_client
from cookiegate.rights.delivery.streams import append_stream
from cookiegate.rights.delivery.subscribers import Subscribers
from cookiegate.settings import RedisServers, read_settings
from cookiegate.sources.redis_news import RedisNews
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.withdrawals import Withdrawals
from cookiegate.web.deliveries import delivery_chores

SUBS = [f"{number:022d}" for number in range(20)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = make_bench(tmp_path)
    yield bench
    bench.service.close()


def servers(url: str) -> RedisServers:
    found = read_settings({"COOKIEGATE_PUBLISH_REDIS_URL": url}).publish_redis_url
    assert found is not None
    return found


def publisher(bench: Bench, name: str, destination: Any) -> StreamPublisher:
    made = StreamPublisher(bench.service.storage, bench.clock, name, destination)
    made.subscribe()
    return made


def to_redis(bench: Bench, url: str) -> StreamPublisher:
    return publisher(bench, "redis", RedisDestination(servers(url), bench.clock, 7))


def tell(bench: Bench, sub: str, kind: Any = "erase", epoch: int = 2) -> None:
    now_ms = bench.clock.now_ms()
    bench.service.storage.write(
        lambda transaction: append_stream(transaction, kind=kind, site="demo", sub=sub, epoch=epoch, at_ms=now_ms)
    )


def told(client: Any, stream: str) -> list[dict[str, str]]:
    entries = client.xrange(f"cookiegate:{stream}")
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]


def test_what_is_published_denies_at_once_elsewhere(bench: Bench, redis: RedisServer) -> None:
    bench.clock.at_ms = int(redis.ask("TIME")[0]) * 1000
    publishing = to_redis(bench, redis.url)
    visitor = bench.visitor()
    token = visitor.decide("accept").get_json()["token"]
    headers = {"X-Consent-Token": token}
    sub = visitor.send("GET", "/gate/check?purpose=analytics", headers=headers).headers["X-Consent-Subject"]
    visitor.decide("withdraw")
    for kind in ("erase", "suspend", "resume"):
        tell(bench, sub, kind)
    assert publishing.publish_due() == 4
    assert publishing.publish_due() == 0
    epochs = EpochRegister(bench.clock)
    with RedisNews(redis.url, epochs, Withdrawals(), clock=bench.clock) as news:
        assert news.caught_up(10)
    assert epochs.minimum(sub) == 2
    with redis.client() as client:
        for stream in ("withdrawn", "erase", "suspend", "resume"):
            (entry,) = told(client, stream)
            assert (entry["sub"], entry["epoch"], entry["stream"]) == (sub, "2", stream)


def test_a_running_service_publishes_where_its_settings_say(bench: Bench, redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("security.protocol=plaintext")
    settings = read_settings(
        {
            "COOKIEGATE_PUBLISH_REDIS_URL": redis.url,
            "COOKIEGATE_PUBLISH_KAFKA_BROKERS": "127.0.0.1:9",
            "COOKIEGATE_PUBLISH_KAFKA_CONFIG": str(tmp_path / "client.properties"),
        },
        data_dir=tmp_path / "data",
    )
    chores = {
        chore.name: chore
        for chore in delivery_chores(settings, bench.service.storage, bench.clock, lambda sub, epoch: None)
    }
    assert chores["publish-redis"].leased
    assert chores["publish-kafka"].leased
    tell(bench, SUBS[0])
    chores["publish-redis"].work()
    with redis.client() as client:
        assert [entry["sub"] for entry in told(client, "erase")] == SUBS[:1]


@pytest.mark.parametrize(
    ("name", "text"),
    [("BROKERS", "kafka"), ("BROKERS", "kafka:0"), ("BROKERS", "a:1,,b:2"), ("TOPICS", "a b"), ("TOPICS", "a/b")],
)
def test_settings_that_cannot_be_are_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"COOKIEGATE_PUBLISH_KAFKA_{name} must be"):
        read_settings({f"COOKIEGATE_PUBLISH_KAFKA_{name}": text})


def test_an_outage_of_redis_loses_nothing(bench: Bench, redis: RedisServer) -> None:
    publishing = to_redis(bench, redis.url)
    tell(bench, SUBS[0])
    assert publishing.publish_due() == 1
    redis.kill()
    for sub in SUBS[1:]:
        tell(bench, sub)
    bench.clock.advance(90)
    with pytest.raises(DeliveryError) as caught:
        publishing.publish_due()
    assert str(redis.port) not in caught.value.detail
    text = Client(bench.front).get("/metrics").text
    assert 'cookiegate_stream_waiting{stream="erase",subscriber="published:redis"} 19.0' in text
    assert 'cookiegate_stream_oldest_seconds{stream="erase",subscriber="published:redis"} 90.0' in text
    redis.start()
    assert publishing.publish_due() == 19
    with redis.client() as client:
        assert [entry["sub"] for entry in told(client, "erase")] == SUBS[1:]


def test_entries_of_redis_end_after_some_days(bench: Bench, redis: RedisServer) -> None:
    publishing = to_redis(bench, redis.url)
    with redis.client() as client:
        pipeline = client.pipeline()
        for number in range(500):
            pipeline.xadd("cookiegate:erase", {"sub": "old"}, id=f"{bench.clock.now_ms() - 8 * 86_400_000 + number}-0")
        pipeline.execute()
        client.xtrim("cookiegate:erase", maxlen=500)
        tell(bench, SUBS[0])
        publishing.publish_due()
        assert client.xlen("cookiegate:erase") < 200


@pytest.mark.parametrize("group", [SentinelGroup, ClusterGroup])
def test_redis_may_be_several_servers(bench: Bench, group: type[SentinelGroup | ClusterGroup]) -> None:
    with group() as several:
        publishing = to_redis(bench, several.url)
        for sub in SUBS:
            tell(bench, sub)
        assert publishing.publish_due() == len(SUBS)
        client = open_client(servers(several.url))
        assert [entry["sub"] for entry in told(client, "erase")] == SUBS
        client.close()


def test_kafka_gets_compacted_topics_with_the_subject_as_key(bench: Bench) -> None:
    with KafkaServer() as kafka:
        publishing = publisher(bench, "kafka", KafkaDestination(kafka.brokers, "consent.", {}))
        for epoch in (2, 3, 4):
            for sub in SUBS:
                tell(bench, sub, epoch=epoch)
        assert publishing.publish_due() == 60
        assert set(admin(kafka.brokers).list_topics(timeout=10).topics) >= {"consent.erase", "consent.withdrawn"}
        found: dict[str, list[int]] = {}
        for record in read_all(kafka.brokers, "consent.erase"):
            value = json.loads(record.value())
            assert record.key().decode() == value["sub"]
            found.setdefault(value["sub"], []).append(value["epoch"])
        assert found == {sub: [2, 3, 4] for sub in SUBS}


def test_kafka_that_is_away_loses_nothing(bench: Bench) -> None:
    kafka = KafkaServer()
    settings = {"message.timeout.ms": "1000"}
    destination = KafkaDestination(kafka.brokers, "consent.", settings)
    publishing = publisher(bench, "kafka", destination)
    tell(bench, SUBS[0])
    with pytest.raises(DeliveryError) as caught:
        publishing.publish_due()
    assert caught.value.fault.startswith("kafka_")
    with kafka:
        assert publishing.publish_due() == 1


def test_a_destination_that_was_removed_is_told_nothing_more(bench: Bench, redis: RedisServer) -> None:
    publishing = to_redis(bench, redis.url)
    tell(bench, SUBS[0])
    bench.clock.advance(10)
    Subscribers(bench.service.storage, bench.clock).remove("published:redis")
    assert publishing.publish_due() == 0, "its removal is the operator's word"


def test_destinations_have_names_that_no_subscriber_can_have(bench: Bench, redis: RedisServer) -> None:
    to_redis(bench, redis.url)
    subscribers = Subscribers(bench.service.storage, bench.clock)
    with pytest.raises(Exception, match="lower-case letters"):
        subscribers.add("published:redis", ("consent.erase",))
    with pytest.raises(Exception, match="no secret"):
        subscribers.rotate("published:redis")

"""``cookiegate worker kafka``: real processes, a real broker, and what goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from support.consent import SUB, ConsentService
from support.kafka_servers import (
    SOON,
    KafkaServer,
    make_topics,
    produce,
    read_all,
)
from support.waiting import until
from support.workers import Worker

from cookiegate.cli.worker import command

RECORDS = 1_000


@pytest.fixture
def kafka() -> Iterator[KafkaServer]:
    """A broker with the topics."""
    with KafkaServer() as server:
        make_topics(server.brokers, "in", "out", "out.dead")
        yield server


@pytest.fixture
def arguments(tmp_path: Path, kafka: KafkaServer, options: tuple[str, ...]) -> tuple[str, ...]:
    """Of a worker on that broker."""
    return given(tmp_path, kafka.brokers, options)


def given(folder: Path, brokers: str, options: tuple[str, ...], **settings: Any) -> tuple[str, ...]:
    file = folder / "client.properties"
    lines = [f"{name}={value}" for name, value in {**SOON, **settings}.items()]
    file.write_text("\n".join(["# soon", "", *lines]))
    return ("kafka", "--brokers", brokers, "--in", "in", "--out", "out", "--config", str(file), *options)


def event(token: str, number: int = 0) -> bytes:
    return json.dumps({"consent_token": token, "event": "view", "value": number, "language": "ja"}).encode()


def done(worker: Worker) -> int:
    return int(worker.metrics().get("cookiegate_worker_messages_total", 0))


def committed(brokers: str, group: str = "cookiegate") -> int:
    """How far the group has come, all partitions together."""
    from confluent_kafka import Consumer

    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "log_level": 0})
    try:
        places = [TopicPartition("in", number) for number in range(4)]
        return sum(max(0, found.offset) for found in consumer.committed(places, 10))
    finally:
        consumer.close()


def by_key(brokers: str, topic: str) -> Mapping[str, Any]:
    """The records of a topic by key, copies put together, which must be alike."""
    found: dict[str, Any] = {}
    for record in read_all(brokers, topic):
        value = json.loads(record.value())
        assert found.setdefault(record.key().decode(), value) == value
        assert record.headers() is None
    return found


def test_what_passes_goes_on_and_the_rest_leaves_its_reason(
    kafka: KafkaServer, service: ConsentService, arguments: tuple[str, ...]
) -> None:
    token = service.token(acquire=["browsing"])
    huge = b'{"event":"' + b"x" * 10_000_000 + b'"}'
    lines = [event(token), b"not JSON", b'{"event":"secret-event"}', None, b"\xff", huge, event(token)]
    produce(kafka.brokers, "in", lines, partition=2, headers={"who": "someone"})
    with Worker(*arguments) as worker:
        until(lambda: done(worker) == 7)
        assert worker.stop() == 0
    out, dead = by_key(kafka.brokers, "out"), by_key(kafka.brokers, "out.dead")
    assert set(out) == {"in/2/0/0", "in/2/6/0"}
    assert out["in/2/0/0"]["consent"]["sub"] == SUB
    assert "language" not in out["in/2/0/0"]
    assert {key: letter["reason"] for key, letter in dead.items()} == {
        "in/2/1/event_malformed": "event_malformed", "in/2/2/token_missing": "token_missing",
        "in/2/3/event_malformed": "event_malformed", "in/2/4/event_malformed": "event_malformed",
        "in/2/5/body_too_large": "body_too_large",
    }  # fmt: skip
    assert dead["in/2/2/token_missing"] == {
        "topic": "in", "partition": 2, "offset": 2, "tracker": "plain", "reason": "token_missing", "events": 1,
    }  # fmt: skip
    assert "secret" not in json.dumps(dead)
    assert committed(kafka.brokers) == 7


@pytest.mark.parametrize("transactions", ["always", "never"])
def test_whoever_is_killed_loses_nothing(
    kafka: KafkaServer, service: ConsentService, arguments: tuple[str, ...], transactions: str
) -> None:
    tokens = [service.token(sub=f"{number:022d}", idx=number) for number in range(20)]
    lines = [event(tokens[number % 20], number) if number % 10 else b"{}" for number in range(RECORDS)]
    produce(kafka.brokers, "in", lines)
    more = ("--batch", "50", "--transactions", transactions, "--transactional-id")
    with Worker(*arguments, *more, "one") as first, Worker(*arguments, *more, "two") as second:
        until(lambda: done(first) or done(second))
        killed, survivor, name = (first, second, "one") if done(first) else (second, first, "two")
        killed.kill()
        # Brought back by whatever watches it; under its name its unfinished transaction ends.
        with Worker(*arguments, *more, name) as again:
            until(lambda: committed(kafka.brokers) == RECORDS, 100)
            assert (survivor.stop(), again.stop()) == (0, 0)
    expected = Counter(number for number in range(RECORDS) if number % 10)
    out, dead = by_key(kafka.brokers, "out"), by_key(kafka.brokers, "out.dead")
    assert Counter(item["value"] for item in out.values()) == expected
    assert len(dead) == RECORDS // 10
    if transactions == "always":
        assert sum(1 for _ in read_all(kafka.brokers, "out")) == len(out), "no copies at all"


def test_records_may_name_their_tracker(
    kafka: KafkaServer, service: ConsentService, arguments: tuple[str, ...]
) -> None:
    token = service.token()
    request = {"method": "GET", "path": "/matomo.php?idsite=1&rec=1&url=u", "headers": {"X-Consent-Token": token}}
    produce(kafka.brokers, "in", [event(token)], headers={"kind": "plain"})
    produce(kafka.brokers, "in", [json.dumps(request).encode()], headers={"kind": "matomo"})
    produce(kafka.brokers, "in", [event(token)])
    more = ("--tracker", "plain", "--tracker", "matomo", "--tracker-header", "kind")
    with Worker(*arguments, *more) as worker:
        until(lambda: done(worker) == 3)
        assert worker.has_counted("plain", "passed", 1)
        assert worker.has_counted("matomo", "passed", 1)
        assert worker.has_counted("(no tracker)", "tracker_mismatch", 1)


def test_a_broker_that_is_away_is_waited_for(
    kafka: KafkaServer, service: ConsentService, options: tuple[str, ...], tmp_path: Path
) -> None:
    produce(kafka.brokers, "in", [event(service.token(), 1)])
    soon = {"socket.timeout.ms": 2_000, "reconnect.backoff.max.ms": 500}
    with Worker(*given(tmp_path, kafka.brokers, options, **soon)) as worker:
        until(lambda: done(worker) == 1)
        kafka.pause()
        until(lambda: worker.has_told("Waiting for Kafka"), 60)
        assert worker.metrics()["cookiegate_worker_connected"] == 0
        kafka.resume()
        produce(kafka.brokers, "in", [event(service.token(), 2)])
        until(lambda: done(worker) == 2, 60)
        assert worker.has_told("Kafka is back")
        assert worker.stop() == 0
        assert kafka.brokers not in worker.told


def test_errors_name_the_option_and_the_way_out(options: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "bad.properties"
    wanted = ("kafka", "--brokers", "x:1", "--in", "a", "--out", "b")
    for text, words in (
        ("nonsense", "line 1 of"),
        ("no.such.setting=1", "No such configuration property"),
        ("linger.ms=many", "--config"),
    ):
        file.write_text(text)
        result = CliRunner().invoke(command, [*wanted, "--config", str(file), *options])
        assert words in result.output + str(result.exception)
    result = CliRunner().invoke(command, [*wanted, "--config", str(tmp_path / "none"), *options])
    assert "cannot be read" in str(result.exception)
    result = CliRunner().invoke(command, list(wanted))
    assert "--audience, --purpose, --jwks needed" in result.output

"""``cookiegate worker kafka``: two of a group, one killed mid-run; copies are told by their keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from support.kafka_servers import SOON, KafkaServer, make_topics, read_all, wait_for
from support.workers import Worker

from conformance.engines.streamed import Ledger, options
from conformance.material import Material, Tally

PARTITIONS = 4


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    settings = folder / "client.properties"
    settings.write_text("\n".join(f"{name}={value}" for name, value in SOON.items()))
    with KafkaServer() as server:
        make_topics(server.brokers, "in", "out", "out.dead", partitions=PARTITIONS)
        total = _fill(server.brokers, material)
        arguments = ("kafka", "--brokers", server.brokers, "--in", "in", "--out", "out", "--batch", "50")
        arguments += ("--transactions", "never", "--config", str(settings), "--tracker-header", "kind")
        arguments += options(material)
        with Worker(*arguments) as first, Worker(*arguments) as second:
            wait_for(lambda: _done(first) or _done(second), "they are at work")
            killed, survivor = (first, second) if _done(first) else (second, first)
            killed.kill()
            wait_for(lambda: _committed(server.brokers) == total, "the other has done the rest", 300)
            assert survivor.stop() == 0
        found = Ledger(material)
        for value in _distinct(server.brokers, "out").values():
            found.passed(value)
        for value in _distinct(server.brokers, "out.dead").values():
            letter = json.loads(value)
            found.dropped(letter["tracker"], letter["reason"], letter["events"])
    return found.tally


def _fill(brokers: str, material: Material) -> int:
    producer = Producer({"bootstrap.servers": brokers, "log_level": 0, "linger.ms": 5})
    number = 0
    for tracker, lines in material.lines.items():
        for line in lines:
            producer.produce("in", line, partition=number % PARTITIONS, headers={"kind": tracker})
            producer.poll(0)
            number += 1
    assert producer.flush(60) == 0
    return number


def _done(worker: Worker) -> float:
    return worker.metrics().get("cookiegate_worker_messages_total", 0)


def _committed(brokers: str) -> int:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "cookiegate", "log_level": 0})
    try:
        places = [TopicPartition("in", number) for number in range(PARTITIONS)]
        return sum(max(0, found.offset) for found in consumer.committed(places, 10))
    finally:
        consumer.close()


def _distinct(brokers: str, topic: str) -> Mapping[bytes, bytes]:
    return {record.key(): record.value() for record in read_all(brokers, topic)}

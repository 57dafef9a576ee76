"""Compacted Kafka topics as a destination: one for each stream, the subject as key."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cookiegate.rights.delivery.faults import DeliveryError
from cookiegate.rights.delivery.streams import STREAMS, StreamEvent
from cookiegate.sources.kafka_clients import client_library

WAIT_S = 5.0


class KafkaDestination:
    """Writes each event to the topic of its stream. A subject's events keep their order, and compaction its last one.

    Args:
        brokers: ``host:port``, comma-separated.
        prefix: before the names of topics.
        settings: more settings of the client.

    Raises:
        SourceUnreadableError: the client is not installed.
    """

    def __init__(self, brokers: str, prefix: str, settings: Mapping[str, str]) -> None:
        self._kafka = client_library("COOKIEGATE_PUBLISH_KAFKA_BROKERS")
        self._prefix = prefix
        self._settings = {"log_level": 0, "client.id": "cookiegate", **settings, "bootstrap.servers": brokers}
        self._producer: Any = None

    def send(self, events: Sequence[StreamEvent]) -> None:
        """Writes events, in their order; every replica that must has them when it returns.

        Raises:
            DeliveryError: Kafka does not take them.
        """
        faults: list[str] = []

        def delivered(error: Any, _record: Any) -> None:
            if error is not None:
                faults.append(error.name())

        try:
            producer = self._producer or self._open()
            for event in events:
                value = msgspec.json.encode(event.as_dict())
                producer.produce(self._prefix + event.stream, value, event.sub, on_delivery=delivered)
            left = producer.flush(WAIT_S + 1)
        except (self._kafka.KafkaException, BufferError) as error:
            fault = error.args[0] if error.args else error
            faults.append(fault.name() if isinstance(fault, self._kafka.KafkaError) else "queue_full")
            left = 0
        if faults or left:
            # What it still holds must not arrive after what is sent next.
            producer, self._producer = self._producer, None
            with contextlib.suppress(Exception):
                producer.purge()
            raise DeliveryError(f"kafka_{faults[0].strip('_').lower() if faults else 'timeout'}", blocked=True)

    def _open(self) -> Any:
        self._make_topics()
        settings = {**self._settings, "enable.idempotence": True, "message.timeout.ms": int(WAIT_S * 1000)}
        self._producer = self._kafka.Producer(settings)
        return self._producer

    def _make_topics(self) -> None:
        """Makes the topics that are not there, with as many partitions and replicas as the brokers hold right."""
        import confluent_kafka.admin  # noqa: PLC0415  an extra

        admin: Any = confluent_kafka.admin
        client = admin.AdminClient(self._settings)
        there = client.list_topics(timeout=WAIT_S).topics
        names = [self._prefix + stream for stream in STREAMS]
        options = {"cleanup.policy": "compact"}
        wanted = [admin.NewTopic(name, -1, -1, config=options) for name in names if name not in there]
        for made in client.create_topics(wanted).values() if wanted else ():
            try:
                made.result(WAIT_S)
            except self._kafka.KafkaException as error:
                if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise

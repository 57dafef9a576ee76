"""Kafka topics in, Kafka topics out: nothing is lost, and every copy of a record has the same key."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from cookiegate.errors import SourceUnreadableError
from cookiegate.gate.request import LINE_LIMIT_BYTES
from cookiegate.sources.kafka_clients import client_library, error_text
from cookiegate.workers.judging import Judging, Message, Outcome, Undecided
from cookiegate.workers.kafka_batches import TOO_LARGE, Batch
from cookiegate.workers.running import LOOK_EVERY_S, Patience, Stop, Tallies

POLL_S = 0.5
HOLD_S = 0.2
#: For each step of a transaction, and for the last records of a batch when the worker is to stop.
STEP_S = 30.0
FINISH_S = 10.0
OPEN_S = 10.0
#: What is written may be longer than what came: packed bodies are unpacked.
MESSAGE_BYTES = 2 * LINE_LIMIT_BYTES
Transactions = Literal["auto", "always", "never"]
#: A broker answers so that has no transactions, or does not let this client have them.
_NO_TRANSACTIONS = (
    "_UNSUPPORTED_FEATURE",
    "UNSUPPORTED_VERSION",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "INVALID_REQUEST",
)
#: What a worker's promises rest on, or what has an option: no file changes it.
_OWN = ("transactional.id", "group.id", "bootstrap.servers", "acks", "enable.idempotence", "enable.auto.commit")


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Where a worker reads and writes.

    Args:
        brokers: ``host:port``, comma-separated.
        source, out, dead: names of the topics.
        group: the consumer group that several workers share.
        tracker_header: the record's header that names the tracker; every record is of the judge's one when None.
        batch: how many records at once.
        transactions: whether outputs and progress are committed together; ``auto``: where the broker lets us.
        transactional_id: this worker's name there, its own; when empty, one is made.
        settings: more settings of the client, such as for TLS.
    """

    brokers: str
    source: str
    out: str
    dead: str
    group: str = "cookiegate"
    tracker_header: str | None = None
    batch: int = 1_000
    transactions: Transactions = "auto"
    transactional_id: str = ""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


class _Broken(Exception):  # noqa: N818  on its way to the one place that waits
    """The exchange with the broker must begin anew, from what was committed."""


class KafkaWorker:
    """Reads a topic as one of a consumer group, and writes what passes to another.

    A record's key is where it came from: ``topic/partition/offset/number``. The key of the record that came in may
    name a person, so it does not go on, nor do headers.

    Args:
        judge: decides; used by this worker alone.
        options: where and how.
        tell: told sentences about the brokers.
        tallies: kept up to date.

    Raises:
        SourceUnreadableError: the client is not installed, or a setting is none.
    """

    def __init__(self, judge: Judging, options: KafkaOptions, tell: Callable[[str], None], tallies: Tallies) -> None:
        self._kafka = client_library("cookiegate worker kafka")
        self._judge = judge
        self._options = options
        self._tell = tell
        self._tallies = tallies
        self._name = options.transactional_id or f"{options.group}-{socket.gethostname()}-{os.urandom(6).hex()}"
        self._transactional = options.transactions != "never"
        self._settled = options.transactions != "auto"
        self._done: dict[tuple[str, int], tuple[int, int]] = {}
        self._look_at_s = 0.0
        self._shared_anew = 0
        self._check_settings()

    def run(self, stop: Stop) -> None:
        """Works until it is told to stop; then what is in hand is finished, and the group left."""
        patience = Patience("Kafka", self._tell, stop, self._tallies)
        waiting = Patience("a status list", self._tell, stop, self._tallies, "decides")
        while not stop:
            with contextlib.ExitStack() as opened:
                try:
                    producer = self._open_producer()
                    consumer = self._open_consumer(opened, patience)
                    while not stop:
                        self._turn(consumer, producer, patience, waiting, stop)
                except (_Broken, self._kafka.KafkaException) as error:
                    patience.failed(self._reason(error))

    def _check_settings(self) -> None:
        try:
            self._kafka.Producer(self._settings())
            self._kafka.Consumer(self._settings(group_id=self._options.group)).close()
        except self._kafka.KafkaException as error:
            raise SourceUnreadableError(
                f"the client refuses a setting of --brokers or --config: {error.args[0].str()}", source="kafka"
            ) from error

    def _settings(self, **own: Any) -> dict[str, Any]:
        named = {name if name == "error_cb" else name.replace("_", "."): value for name, value in own.items()}
        # What the client itself would print names brokers; our sentences take its place.
        given = {name: value for name, value in self._options.settings.items() if name not in _OWN}
        return {
            "log_level": 0, "client.id": "cookiegate-worker", "message.max.bytes": MESSAGE_BYTES, **given,
            "bootstrap.servers": self._options.brokers, **named,
        }  # fmt: skip

    def _open_producer(self) -> Any:
        if self._transactional:
            try:
                producer = self._kafka.Producer(self._settings(transactional_id=self._name, linger_ms=5))
                producer.init_transactions(OPEN_S)
            except self._kafka.KafkaException as error:
                if self._settled or error.args[0].name() not in _NO_TRANSACTIONS:
                    raise
                self._transactional = False
                self._tell(
                    "The brokers have no transactions: after a crash some records come twice, with the same key."
                )
            else:
                self._settled = True
                return producer
        return self._kafka.Producer(self._settings(enable_idempotence=True, linger_ms=5, message_timeout_ms=0))

    def _open_consumer(self, opened: contextlib.ExitStack, patience: Patience) -> Any:
        consumer = self._kafka.Consumer(
            self._settings(
                group_id=self._options.group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset=self._options.settings.get("auto.offset.reset", "earliest"),
                error_cb=lambda error: patience.trouble(error_text(error.name())),
            )
        )
        opened.callback(consumer.close)
        self._done.clear()
        consumer.subscribe([self._options.source], on_assign=self._assigned)
        return consumer

    def _assigned(self, _consumer: Any, _places: Sequence[Any]) -> None:
        self._done.clear()
        self._shared_anew += 1

    def _turn(self, consumer: Any, producer: Any, patience: Patience, waiting: Patience, stop: Stop) -> None:
        found = consumer.consume(self._options.batch, POLL_S)
        records = []
        for record in found:
            if record.error() is None:
                records.append(record)
            elif record.error().fatal():
                raise _Broken(error_text(record.error().name(), record.topic()))
            else:
                patience.trouble(error_text(record.error().name(), record.topic()))
        if records:
            outcomes = self._judged(consumer, records, patience, waiting, stop)
            self._write(consumer, producer, stop, records, outcomes)
            self._tallies.add(outcomes)
        if records or self._is_there(consumer):
            patience.answered()
        self._look(consumer)

    def _message(self, record: Any) -> Message:
        name = self._options.tracker_header
        if name is None:
            return Message(record.value())
        named = next((value for key, value in record.headers() or () if key == name and value is not None), None)
        return Message(record.value(), named.decode(errors="replace") if named is not None else None)

    def _judged(
        self, consumer: Any, records: Sequence[Any], patience: Patience, waiting: Patience, stop: Stop
    ) -> list[Outcome]:
        """What becomes of records, once that can be told."""
        messages = [self._message(record) for record in records]
        while True:
            try:
                outcomes = self._judge.judge(messages)
            except Undecided as error:
                patience.answered()
                waiting.failed(str(error), lambda seconds: self._hold(consumer, seconds, stop))
                if stop:
                    raise _Broken("it stops before the last batch could be judged") from None
            else:
                if waiting.is_waiting:
                    consumer.resume(consumer.assignment())
                waiting.answered()
                return outcomes

    def _hold(self, consumer: Any, seconds: float, stop: Stop) -> None:
        """Waits as a member of the group, which takes no more; what is in hand is somebody else's if that changes."""
        ends_at_s, shared_anew = time.monotonic() + seconds, self._shared_anew
        mine = consumer.assignment()
        consumer.pause(mine)
        while time.monotonic() < ends_at_s and not stop.wait(HOLD_S):
            found = consumer.poll(0)
            is_record = found is not None and (found.error() is None or found.error().fatal())
            if is_record or self._shared_anew != shared_anew or len(consumer.assignment()) != len(mine):
                raise _Broken("its partitions are shared anew")

    def _write(self, consumer: Any, producer: Any, stop: Stop, records: Sequence[Any], outcomes: list[Outcome]) -> None:
        batch = Batch(outcomes)
        while True:
            try:
                self._write_once(consumer, producer, stop, records, batch)
            except (_Broken, self._kafka.KafkaException):
                if not batch.is_again:
                    raise
            if not batch.is_again:
                break
            batch.begin_again()
        for record in records:
            self._done[record.topic(), record.partition()] = record.offset(), record.timestamp()[1]

    def _write_once(self, consumer: Any, producer: Any, stop: Stop, records: Sequence[Any], batch: Batch) -> None:
        if not self._transactional:
            self._produce(producer, stop, records, batch)
            self._flush(producer, stop, batch)
            consumer.commit(offsets=self._next_offsets(records), asynchronous=False)
            return
        producer.begin_transaction()
        try:
            self._produce(producer, stop, records, batch)
            if batch.is_again:
                raise _Broken(TOO_LARGE)
            offsets = self._next_offsets(records)
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), STEP_S)
            producer.commit_transaction(STEP_S)
        except (_Broken, self._kafka.KafkaException):
            with contextlib.suppress(self._kafka.KafkaException):
                producer.abort_transaction(FINISH_S)
            batch.written.clear()
            raise

    def _produce(self, producer: Any, stop: Stop, records: Sequence[Any], batch: Batch) -> None:
        out, dead = self._options.out, self._options.dead
        for number, (record, outcome) in enumerate(zip(records, batch.outcomes, strict=True)):
            if not outcome.lines and not outcome.reasons:
                continue
            topic, partition, offset = record.topic(), record.partition(), record.offset()
            place = f"{topic}/{partition}/{offset}"
            for count, line in enumerate(outcome.lines):
                batch.lines[f"{place}/{count}"] = number
                self._send(producer, stop, batch, out, f"{place}/{count}", line)
            for reason, times in outcome.reasons.items():
                letter = {"topic": topic, "partition": partition, "offset": offset, "tracker": outcome.tracker}
                letter |= {"reason": reason, "events": times}
                self._send(producer, stop, batch, dead, f"{place}/{reason}", msgspec.json.encode(letter))

    def _send(self, producer: Any, stop: Stop, batch: Batch, topic: str, key: str, value: bytes) -> None:
        if key in batch.written:
            return
        is_alone = key in batch.alone
        if is_alone:
            self._flush(producer, stop, batch, is_whole=False)
        while not self._take(producer, batch, topic, key, value):
            producer.poll(0.1)
            self._look_at(batch, stop)
        if is_alone:
            self._flush(producer, stop, batch, is_whole=False)

    def _take(self, producer: Any, batch: Batch, topic: str, key: str, value: bytes) -> bool:
        """Hands something to the client; False while it has no room."""
        try:
            producer.produce(topic, value, key, on_delivery=batch.delivered)
        except BufferError:
            return False
        except self._kafka.KafkaException as error:
            if error.args[0].name() != TOO_LARGE or key not in batch.lines:
                raise
            batch.put_aside(key)
        return True

    def _flush(self, producer: Any, stop: Stop, batch: Batch, *, is_whole: bool = True) -> None:
        while producer.flush(1.0):
            self._look_at(batch, stop)
        self._look_at(batch, stop)
        if is_whole and batch.is_again:
            raise _Broken(TOO_LARGE)

    def _look_at(self, batch: Batch, stop: Stop) -> None:
        if batch.faults:
            raise _Broken(batch.faults[0])
        if stop and batch.ends_at_s is None:
            batch.ends_at_s = time.monotonic() + FINISH_S
        if batch.ends_at_s is not None and time.monotonic() > batch.ends_at_s:
            raise _Broken("the brokers do not take the last batch; it is judged again after the next start")

    def _next_offsets(self, records: Sequence[Any]) -> list[Any]:
        last = {(record.topic(), record.partition()): record.offset() for record in records}
        return [self._kafka.TopicPartition(*place, offset + 1) for place, offset in last.items()]

    def _is_there(self, consumer: Any) -> bool:
        """Whether the broker has given this worker something to read; without that, silence may be an outage."""
        return not self._tallies.connected and bool(self._watermarks(consumer))

    def _watermarks(self, consumer: Any) -> dict[tuple[str, int], tuple[int, int]]:
        found = {}
        for place in consumer.assignment():
            with contextlib.suppress(self._kafka.KafkaException):
                wait: dict[str, Any] = {"cached": True} if self._tallies.connected else {"timeout": 1.0}
                if marks := consumer.get_watermark_offsets(place, **wait):
                    found[place.topic, place.partition] = marks
        return found

    def _look(self, consumer: Any) -> None:
        """Looks what waits, now and then."""
        if time.monotonic() < self._look_at_s or not self._tallies.connected:
            return
        self._look_at_s = time.monotonic() + LOOK_EVERY_S
        lag, oldest_at_ms = 0, None
        for place, (low, high) in self._watermarks(consumer).items():
            if place not in self._done:
                self._done[place] = self._committed(consumer, place, low) - 1, 0
            offset, at_ms = self._done[place]
            waiting = max(0, high - offset - 1)
            lag += waiting
            # What waits came after the last that was done: its age is the most that theirs can be.
            if waiting and at_ms:
                oldest_at_ms = min(at_ms, oldest_at_ms or at_ms)
        self._tallies.lag, self._tallies.oldest_at_ms = lag, oldest_at_ms

    def _committed(self, consumer: Any, place: tuple[str, int], low: int) -> int:
        (found,) = consumer.committed([self._kafka.TopicPartition(*place)], OPEN_S)
        return max(low, int(found.offset))

    def _reason(self, error: Exception) -> str:
        fault = error.args[0] if error.args else ""
        return error_text(fault.name()) if isinstance(fault, self._kafka.KafkaError) else str(fault)

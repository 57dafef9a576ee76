"""``cookiegate worker kafka``: real processes, a real broker, and what goes wrong."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
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
    shows_aborted,
)
from support.waiting import until
from support.workers import Worker

from cookiegate.cli.worker import command
from workers.closing_table import closing

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
        copies = sum(1 for _ in read_all(kafka.brokers, "out")) - len(out)
        # The transaction that the killed worker left unfinished is aborted, and a broker may show it all the same.
        unfinished = 50 if shows_aborted(kafka.brokers) else 0
        assert copies <= unfinished, "no copies at all"


def _packed(token: str, pages: list[dict[str, Any]]) -> bytes:
    """A request whose body is larger than it looks."""
    body = b64encode(gzip.compress(json.dumps({"batch": pages}).encode())).decode()
    headers = {"X-Consent-Token": token}
    return json.dumps({"method": "POST", "path": "/batch/", "headers": headers, "body_base64": body}).encode()


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
    soon = {"socket.timeout.ms": 2_000, "reconnect.backoff.max.ms": 500, "transaction.timeout.ms": 10_000}
    with Worker(*given(tmp_path, kafka.brokers, options, **soon)) as worker:
        until(lambda: done(worker) == 1)
        kafka.pause()
        until(lambda: worker.has_told("Waiting for Kafka"), 60, lambda: worker.told)
        assert worker.metrics()["cookiegate_worker_connected"] == 0
        kafka.resume()
        produce(kafka.brokers, "in", [event(service.token(), 2)])
        # A transaction that was open ends when its time is over.
        until(lambda: done(worker) == 2, 150, lambda: worker.told)
        until(lambda: worker.has_told("Kafka is back"), told=lambda: worker.told)
        assert worker.stop() == 0
        assert kafka.brokers not in worker.told


@pytest.mark.parametrize("transactions", ["always", "never"])
def test_what_is_too_large_to_be_written_stops_nothing(
    kafka: KafkaServer, service: ConsentService, options: tuple[str, ...], tmp_path: Path, transactions: str
) -> None:
    token, page = service.token(), {"event": "$pageview", "properties": {"$current_url": "http://x/" + '"' * 200}}
    lines = [_packed(token, [page] * times) for times in (1, 100, 1)]
    produce(kafka.brokers, "in", lines, partition=0)
    arguments = given(tmp_path, kafka.brokers, options, **{"message.max.bytes": 20_000})
    with Worker(*arguments, "--tracker", "posthog", "--transactions", transactions) as worker:
        until(lambda: done(worker) == 3)
        assert worker.has_counted("posthog", "passed", 2)
        assert worker.has_counted("posthog", "body_too_large", 100)
        assert worker.stop() == 0
        assert closing(worker.told) == {"accepted": 2, "dropped": 100, "body_too_large": 100, "fields stripped": 0}
    keys = [record.key() for record in read_all(kafka.brokers, "out")]
    assert sorted(keys) == [b"in/0/0/0", b"in/0/2/0"], "none twice"
    letters = by_key(kafka.brokers, "out.dead")
    assert letters["in/0/1/body_too_large"] == {
        "topic": "in", "partition": 0, "offset": 1, "tracker": "posthog", "reason": "body_too_large", "events": 100,
    }  # fmt: skip
    assert committed(kafka.brokers) == 3


def test_sigterm_is_heard_while_the_client_is_full_and_the_broker_away(
    kafka: KafkaServer, service: ConsentService, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cookiegate.workers import kafka_worker
    from cookiegate.workers.judging import Judge, Outcome
    from cookiegate.workers.running import Stop, Tallies

    class Cut(Judge):
        def judge(self, messages: Any) -> list[Outcome]:
            kafka.pause()
            stop.set()
            return super().judge(messages)

    monkeypatch.setattr(kafka_worker, "FINISH_S", 0.5)
    monkeypatch.setattr(kafka_worker, "OPEN_S", 2.0)
    produce(kafka.brokers, "in", [event(service.token(), number) for number in range(20)], partition=0)
    stop, tallies, told = Stop(), Tallies(), list[str]()
    settings = {"queue.buffering.max.messages": "2", "socket.timeout.ms": "2000"}
    settings |= {name: str(value) for name, value in SOON.items()}
    where = kafka_worker.KafkaOptions(kafka.brokers, "in", "out", "out.dead", transactions="never", settings=settings)
    kafka_worker.KafkaWorker(Cut({"plain": service.gate()}), where, told.append, tallies).run(stop)
    kafka.resume()
    assert tallies.messages == 0
    assert "judged again after the next start" in told[-1]
    assert committed(kafka.brokers) == 0


def test_while_a_list_is_too_old_nothing_is_judged(
    kafka: KafkaServer, service: ConsentService, options: tuple[str, ...], tmp_path: Path
) -> None:
    now_ms = service.clock.at_ms
    service.clock.at_ms = now_ms - 600_000
    (tmp_path / "status.jwt").write_bytes(service.register.signed(1) or b"")
    service.clock.at_ms = now_ms
    produce(kafka.brokers, "in", [event(service.token()), b"{}"], partition=0)
    with Worker(*given(tmp_path, kafka.brokers, options), "--max-stale", "300") as worker:
        until(lambda: worker.has_told("Waiting for a status list: one that is followed is too old"))
        assert worker.metrics()["cookiegate_worker_decides"] == 0
        until(lambda: worker.metrics()["cookiegate_worker_connected"] == 1)
        assert done(worker) == committed(kafka.brokers) == 0
        service.register.revoke(1, 99)
        (tmp_path / "status.jwt").write_bytes(service.register.signed(1) or b"")
        until(lambda: done(worker) == 2)
        assert worker.metrics()["cookiegate_worker_decides"] == 1
        until(lambda: worker.has_told("A status list is back"))
        produce(kafka.brokers, "in", [event(service.token())], partition=0)
        until(lambda: worker.has_counted("plain", "passed", 2))
        assert worker.stop() == 0
    assert {letter["reason"] for letter in by_key(kafka.brokers, "out.dead").values()} == {"token_missing"}


def test_a_broker_that_gave_what_cannot_be_judged_yet_is_connected(
    kafka: KafkaServer, service: ConsentService, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cookiegate.workers import kafka_worker
    from cookiegate.workers.judging import Judge, Outcome, Undecided
    from cookiegate.workers.running import Stop, Tallies

    stop, tallies, seen = Stop(), Tallies(), list[bool]()

    class Late(Judge):
        def judge(self, messages: Any) -> list[Outcome]:
            seen.append(tallies.connected)
            if len(seen) == 1:
                raise Undecided("a status list is behind")
            stop.set()
            return super().judge(messages)

    # As when the first records come together with the partitions: nobody has asked the broker anything else.
    monkeypatch.setattr(kafka_worker.KafkaWorker, "_is_there", lambda *_: False)
    produce(kafka.brokers, "in", [event(service.token())], partition=0)
    settings = {name: str(value) for name, value in SOON.items()}
    where = kafka_worker.KafkaOptions(kafka.brokers, "in", "out", "out.dead", settings=settings)
    kafka_worker.KafkaWorker(Late({"plain": service.gate()}), where, lambda _: None, tallies).run(stop)
    assert seen == [False, True]
    assert committed(kafka.brokers) == 1


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

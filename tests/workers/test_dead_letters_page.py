"""What the page about workers says to do with dead letters, done as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consent import ConsentService
from support.kafka_servers import SOON, KafkaServer, make_topics, produce, read_all
from support.redis_servers import RedisServer
from support.waiting import until
from support.workers import Worker, publish

from workers.redis_streams import entries, event, fill

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-a-worker.md"
TEXT = PAGE.read_text(encoding="utf-8").partition("## What to do with dead letters")[2]
SHELL = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
(REPLAY,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def faulty(tmp_path: Path) -> tuple[str, ...]:
    """The gate's options with the keys of another service."""
    folder = tmp_path / "other"
    folder.mkdir()
    return publish(ConsentService(folder), folder)


@pytest.fixture
def kafka() -> Iterator[KafkaServer]:
    """A broker with the topics."""
    with KafkaServer() as server:
        make_topics(server.brokers, "events", "events.granted", "events.granted.dead")
        yield server


def shell(redis: RedisServer, program: str) -> str:
    """What commands of the page print, asked of that server."""
    asked = program.replace("redis-cli ", f"redis-cli -p {redis.port} ")
    return subprocess.run(["bash", "-euc", asked], capture_output=True, text=True, timeout=60, check=True).stdout


def test_messages_of_a_reason_go_into_the_stream_once_more(
    redis: RedisServer, service: ConsentService, options: tuple[str, ...], faulty: tuple[str, ...]
) -> None:
    ids = fill(redis, [event(service.token(), number) for number in range(3)] + [b"{}"], "events", kind="plain")
    arguments = ("redis", "--redis", redis.url, "--in", "events", "--out", "events:granted")
    with Worker(*arguments, *faulty) as worker:
        until(lambda: len(entries(redis, "events:granted:dead")) == 4)
        assert worker.stop() == 0
    assert sorted(map(str.split, shell(redis, SHELL[0].splitlines()[0]).splitlines())) == [
        ["1", "token_missing"], ["3", "key_unknown"],
    ]  # fmt: skip
    redis.ask("XDEL", "events", ids[1])
    first, gone, third = shell(redis, SHELL[1]).splitlines()
    assert gone == "gone"
    assert shell(redis, SHELL[0].splitlines()[1].replace("1795379942000-0", first)).splitlines()[3:] == [
        "kind",
        "plain",
    ]
    assert [letter["entry"] for letter in entries(redis, "events:granted:dead")] == [ids[1], ids[3]]
    with Worker(*arguments, *options) as worker:
        until(lambda: len(entries(redis, "events:granted")) == 2)
        assert worker.stop() == 0
    assert [item["entry"] for item in entries(redis, "events:granted")] == [first, third]
    assert shell(redis, SHELL[1]).split() == ["gone"]


def test_records_of_a_reason_go_into_the_topic_once_more(
    kafka: KafkaServer, service: ConsentService, options: tuple[str, ...], faulty: tuple[str, ...], tmp_path: Path
) -> None:
    lines = [*(event(service.token(), number) for number in range(3)), b"{}"]
    produce(kafka.brokers, "events", lines, partition=2, headers={"kind": "plain"})
    soon = tmp_path / "client.properties"
    soon.write_text("\n".join(f"{name}={value}" for name, value in SOON.items()))
    arguments = ("kafka", "--brokers", kafka.brokers, "--in", "events", "--out", "events.granted")
    arguments += ("--config", str(soon), "--tracker", "plain", "--tracker-header", "kind")
    with Worker(*arguments, *faulty) as worker:
        until(lambda: worker.has_counted("plain", "key_unknown", 3), 60)
        assert worker.stop() == 0
    replay = [sys.executable, "-c", REPLAY, kafka.brokers, "events.granted.dead", "key_unknown"]
    for expected in (["events/2/0", "events/2/1", "events/2/2"], []):
        done = subprocess.run(replay, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.splitlines() == expected
    with Worker(*arguments, *options) as worker:
        until(lambda: worker.has_counted("plain", "passed", 3), 60)
        assert worker.stop() == 0
    passed = [json.loads(record.value())["value"] for record in read_all(kafka.brokers, "events.granted")]
    assert sorted(passed) == [0, 1, 2]


def test_more_records_than_the_client_holds_go_into_the_topic_once_more(kafka: KafkaServer) -> None:
    produce(kafka.brokers, "events", [b"{}"] * 24, partition=1)
    letters = [{"topic": "events", "partition": 1, "offset": offset, "reason": "key_unknown"} for offset in range(24)]
    produce(kafka.brokers, "events.granted.dead", [json.dumps(letter).encode() for letter in letters])
    # The page's program, with a client that holds 10 in place of 100,000.
    small = REPLAY.replace("Producer(client)", 'Producer({**client, "queue.buffering.max.messages": 10})')
    small = small.replace("> 1000:", "> 5:")
    replay = [sys.executable, "-c", small, kafka.brokers, "events.granted.dead", "key_unknown"]
    done = subprocess.run(replay, capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 24
    assert len(list(read_all(kafka.brokers, "events"))) == 48

"""Workers between two streams, against the same consumers without a gate, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from support.kafka_servers import SOON, KafkaServer, make_topics, produce
from support.redis_servers import RedisServer

from benchmarks.gate_pipeline import PlainEvents as Bench
from benchmarks.measuring import interleave, show
from cookiegate.workers.judging import Judge, Message, Outcome
from cookiegate.workers.kafka_worker import KafkaOptions, KafkaWorker
from cookiegate.workers.redis_worker import RedisOptions, RedisWorker
from cookiegate.workers.running import Stop, Tallies

EVENTS = 20_000
ROUNDS = 5
AIM_RATIO = 0.7


class _Timed:
    """Judges by the gate, or lets everything pass; knows when it began."""

    def __init__(self, judge: Judge | None) -> None:
        self._judge = judge
        self.began_s = 0.0

    def judge(self, messages: Sequence[Message]) -> list[Outcome]:
        """The outcome of each message."""
        self.began_s = self.began_s or time.perf_counter()
        if self._judge is not None:
            return self._judge.judge(messages)
        return [Outcome("plain", [message.line or b""], 1) for message in messages]


class _WhenDone(Stop):
    """Asks the worker to stop when it has done everything."""

    def __init__(self, tallies: Tallies) -> None:
        super().__init__()
        self._tallies = tallies

    def __bool__(self) -> bool:
        return self._tallies.messages >= EVENTS


class _Redis:
    def __init__(self, server: RedisServer, lines: Sequence[bytes]) -> None:
        self._server = server
        self._lines = lines

    def rate(self, judge: Judge | None) -> float:
        """Events per second from the first batch to the last acknowledgement."""
        with self._server.client() as client:
            client.flushall()
            pipeline = client.pipeline(transaction=False)
            for line in self._lines:
                pipeline.xadd("in", {"line": line})
            pipeline.execute()
        timed, tallies = _Timed(judge), Tallies()
        where = RedisOptions(self._server.url, "in", "out", "dead")
        RedisWorker(timed, where, print, tallies).run(_WhenDone(tallies))
        return EVENTS / (time.perf_counter() - timed.began_s)


class _Kafka:
    def __init__(self, server: KafkaServer, lines: Sequence[bytes]) -> None:
        self._server = server
        self._round = 0
        make_topics(server.brokers, "in", "out", "dead")
        produce(server.brokers, "in", lines)

    def rate(self, judge: Judge | None) -> float:
        """Events per second from the first batch to the last commit; joining the group is not counted."""
        self._round += 1
        timed, tallies = _Timed(judge), Tallies()
        settings = {name: str(value) for name, value in SOON.items()}
        where = KafkaOptions(
            self._server.brokers, "in", "out", "dead", f"round-{self._round}", transactions="never", settings=settings
        )
        stop = _WhenDone(tallies)
        worker = KafkaWorker(timed, where, print, tallies)
        worker.run(stop)
        return EVENTS / (time.perf_counter() - timed.began_s)


def run() -> None:
    """Prints the ratios."""
    with tempfile.TemporaryDirectory() as folder, RedisServer() as redis, KafkaServer() as kafka:
        bench = Bench(Path(folder))
        lines = bench.lines[:EVENTS]
        judge = Judge({"plain": bench.gate()})
        sides = {"Redis": _Redis(redis, lines), "Kafka": _Kafka(kafka, lines)}
        for name, side in sides.items():
            contenders = {"gate": lambda side=side: side.rate(judge), "none": lambda side=side: side.rate(None)}
            rates = interleave(ROUNDS, contenders)
            show(f"worker {name}", rates["gate"], "events/s", "the same without a gate", rates["none"], AIM_RATIO)


if __name__ == "__main__":
    run()

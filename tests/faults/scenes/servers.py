"""Other programs that fail: Redis and PostgreSQL."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.postgres import PostgresServer
from support.redis_servers import RedisServer

from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage

BOTH = (SQLITE, POSTGRESQL)
WORSE_MS = 50
POSTGRES_BACK_S = 10.0
FAILS_S, FAILS_SHORT_S = 10.0, 3.0


def redis_fails(stage: Stage, fault: Callable[[RedisServer], object], heal: Callable[[RedisServer], object]) -> None:
    """Acts go on while Redis fails, hardly slower, none refused; afterwards it is used again."""
    with RedisServer() as server:
        stage.prepare(COOKIEGATE_REDIS_URL=server.url)
        try:
            stage.begin(clients=3, pace_s=0.005)
            began = time.monotonic()
            threading.Event().wait(stage.long(6, 2))
            failed = time.monotonic()
            fault(server)
            threading.Event().wait(stage.long(FAILS_S, FAILS_SHORT_S))
            healed = time.monotonic()
            heal(server)
            stage.recovered(healed, 2.0)
            seen = stage.load.seen
            stage.must(not seen.refused, f"{seen.refused} acts were refused")
            stage.must(not seen.broken, f"{seen.broken} requests broke")
            if set(stage.prober.answers("/readyz")) - {200}:
                stage.late.append("/readyz gave up waiting for the record")
            before, meanwhile = stage.load.p99_ms(began, failed), stage.load.p99_ms(failed, healed)
            stage.notes.append(f"acts p99 {before:.0f} ms, then {meanwhile:.0f} ms")
            stage.in_time("an act's p99, in ms,", meanwhile, before + WORSE_MS)
            stage.check()
        finally:
            stage.end()


@row("redis-down", "Redis down: SIGKILL", engines=BOTH)
def redis_down(stage: Stage) -> None:
    """It is gone, and comes back empty."""
    redis_fails(stage, lambda server: server.kill(), lambda server: server.start())


@row("redis-slow", "Redis slow: CLIENT PAUSE", engines=BOTH, everyday=False)
def redis_slow(stage: Stage) -> None:
    """It takes commands and answers none."""
    # A server that is paused does not hear that it may go on.
    pause_ms = int(stage.long(FAILS_S, FAILS_SHORT_S) * 1000)
    redis_fails(stage, lambda server: server.ask("CLIENT", "PAUSE", pause_ms, "ALL"), lambda server: None)


@row("redis-readonly", "Redis READONLY: REPLICAOF", engines=BOTH, everyday=False)
def redis_readonly(stage: Stage) -> None:
    """It becomes the replica of a master that is not there."""
    redis_fails(
        stage,
        lambda server: server.ask("REPLICAOF", "127.0.0.1", 1),
        lambda server: server.ask("REPLICAOF", "NO", "ONE"),
    )


@row("redis-memory", "Redis out of memory: maxmemory", engines=BOTH, everyday=False)
def redis_memory(stage: Stage) -> None:
    """It refuses whatever would take memory."""
    redis_fails(
        stage,
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 1),
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 0),
    )


@contextmanager
def served_from_postgres(stage: Stage, *, clients: int = 4, **env: str) -> Iterator[PostgresServer]:
    """A service with its clients, on a server to do harm to."""
    server = PostgresServer(on_disk=True)
    try:
        server.start()
        server.ask("CREATE DATABASE faults")
        stage.prepare(COOKIEGATE_DATABASE_URL=server.uri("faults"), **env)
        stage.begin(clients=clients)
        yield server
    finally:
        server.go_on()
        stage.end()
        server.remove()


@row("postgresql-restart", "PostgreSQL: restart in immediate mode", engines=(POSTGRESQL,))
def postgres_restart(stage: Stage) -> None:
    """It ends as by a crash, and is there again a moment later; the service is not started anew."""
    with served_from_postgres(stage) as server:
        workers = stage.target.workers()
        for _ in range(int(stage.long(3, 1))):
            server.stop(signal.SIGQUIT)
            began = time.monotonic()
            server.start()
            stage.recovered(began, POSTGRES_BACK_S)
            stage.load.wait_for(50, since_s=began)
        stage.gates_open(began, POSTGRES_BACK_S)
        stage.must(stage.target.workers() == workers, "the worker was started anew")
        stage.in_time("a probe of /readyz, in ms,", stage.prober.slowest_ms("/readyz"), 1_000)
        stage.check()


@row("postgresql-away", "PostgreSQL: gone for a while", engines=(POSTGRESQL,), everyday=False)
def postgres_away(stage: Stage) -> None:
    """Acts are refused with 503, /readyz says so within a second, pages go on; no restart is needed."""
    with served_from_postgres(stage) as server:
        began = time.monotonic()
        server.stop()
        threading.Event().wait(stage.long(8, 3))
        stage.must(503 in stage.prober.answers("/readyz", since_s=began), "/readyz did not say so")
        stage.must(200 in stage.prober.answers("/w/demo.js", since_s=began + 1), "the banner was not served")
        stage.in_time("a probe of /readyz, in ms,", stage.prober.slowest_ms("/readyz"), 1_000)
        back = time.monotonic()
        server.start()
        stage.recovered(back, POSTGRES_BACK_S)
        stage.gates_open(back, POSTGRES_BACK_S)
        stage.check()

"""Other programs that fail: Redis, PostgreSQL, and the clock of the machine."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from support.postgres import PostgresServer
from support.redis_servers import RedisServer
from support.waiting import until

from cookiegate.ledger.stored import last_checkpoint
from cookiegate.storage.opening import open_storage
from faults.checking import check_record
from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage

BOTH = (SQLITE, POSTGRESQL)
WORSE_MS = 50
POSTGRES_BACK_S = 10.0
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
HOUR_S = 3_600
SEALED_WITHIN_S = 20.0
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


@row("postgresql-restart", "PostgreSQL: restart in immediate mode", engines=(POSTGRESQL,))
def postgres_restart(stage: Stage) -> None:
    """It ends as by a crash, and is there again a moment later; the service is not started anew."""
    server = PostgresServer(on_disk=True)
    try:
        server.start()
        server.ask("CREATE DATABASE faults")
        stage.prepare(COOKIEGATE_DATABASE_URL=server.uri("faults"))
        stage.begin()
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
    finally:
        stage.end()
        server.remove()


@row("postgresql-away", "PostgreSQL: gone for a while", engines=(POSTGRESQL,), everyday=False)
def postgres_away(stage: Stage) -> None:
    """Acts are refused with 503, /readyz says so within a second, pages go on; no restart is needed."""
    server = PostgresServer(on_disk=True)
    try:
        server.start()
        server.ask("CREATE DATABASE faults")
        stage.prepare(COOKIEGATE_DATABASE_URL=server.uri("faults"))
        stage.begin()
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
    finally:
        stage.end()
        server.remove()


@row("clock-jump", "clock jump: an hour on, an hour back", engines=BOTH)
def clock_jump(stage: Stage) -> None:
    """What holds is decided by epochs, not by times; sealing goes on, whatever the leases say."""
    offset = stage.folder / "clock"
    offset.write_text("+0s")
    # libfaketime 0.9.10 refuses the absolute nap that Python takes when the monotonic clock is not faked.
    (stage.folder / "sitecustomize.py").write_text(
        "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
    )
    stage.prepare(
        LD_PRELOAD=str(FAKETIME),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_CACHE_DURATION="1",
        PYTHONPATH=str(stage.folder),
        DONT_FAKE_MONOTONIC="1",
    )
    stage.begin(acts=60)
    sealed = 0
    for jump in (f"+{HOUR_S}s", f"-{HOUR_S}s", "+0s") if stage.full else (f"+{HOUR_S}s", f"-{HOUR_S}s"):
        jumped = time.monotonic()
        offset.write_text(jump)
        stage.load.wait_for(100, since_s=jumped)
        before = _sealed(stage)
        stage.load.wait_for(20, since_s=time.monotonic())
        until(lambda before=before: _sealed(stage) > before, SEALED_WITHIN_S)
        stage.in_time("sealing after a jump", time.monotonic() - jumped, SEALED_WITHIN_S)
        sealed += 1
    stage.end_load()
    for token in stage.journal.ended[-200:]:
        answer = stage.target.ask("GET", "/gate/check?purpose=analytics", X_Consent_Token=token)
        stage.checked.re_granted += answer.status == 204
    stage.notes.append(f"{sealed} jumps")
    stage.target.stop()
    check_record(stage.target, stage.journal, stage.checked)


def _sealed(stage: Stage) -> int:
    """How far the ledger is sealed."""
    storage = open_storage(stage.target.settings)
    try:
        newest = last_checkpoint(storage)
        return newest.size if newest else 0
    finally:
        storage.close()

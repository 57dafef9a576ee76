"""What hangs instead of failing: it tells nobody anything, and must hold nobody who does not need it."""

from __future__ import annotations

import fcntl
import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable

from support.waiting import until

from faults.load import DECISIONS, HANDLE
from faults.probing import CHECK, PATHS
from faults.rows import POSTGRESQL, SQLITE, row
from faults.scenes.disks import HEAL_S, PROBE_WITHIN_MS, REFUSED_WITHIN_S, suffer
from faults.scenes.servers import POSTGRES_BACK_S, served_from_postgres
from faults.stage import Stage
from faults.target import Answer

#: More clients than threads: whoever may wait for ever soon has every thread.
THREADS, CLIENTS = 8, 24
#: Who leads a commit waits longer than those who follow: until our line to the server is given up.
LEADER_REFUSED_WITHIN_S = 12.0
_HANG = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static void hang(void) { while (access(getenv("HANGS"), F_OK) == 0) usleep(20000); }
int fsync(int file) { hang(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(file); }
int fdatasync(int file) { hang(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(file); }
"""


def hang(
    stage: Stage,
    fault: Callable[[], object],
    heal: Callable[[], object],
    *,
    hold_s: float,
    heal_s: float,
    refused_within_s: float = REFUSED_WITHIN_S,
) -> None:
    """Something hangs under a crowd of clients: every probe is answered all the same."""
    began = time.monotonic()
    suffer(stage, fault, heal, hold_s=hold_s, heal_s=heal_s, refused_within_s=refused_within_s)
    answer_probes(stage, began)


def answer_probes(stage: Stage, since_s: float) -> None:
    """No probe went without an answer."""
    for path in PATHS:
        silent = stage.prober.answers(path, since_s).count(0)
        stage.must(not silent, f"{silent} probes of {path} were not answered")


@row("postgresql-paused", "PostgreSQL paused: SIGSTOP", engines=(POSTGRESQL,))
def postgres_paused(stage: Stage) -> None:
    """It takes connections and requests and answers none, as with ``docker pause``."""
    with served_from_postgres(stage, clients=CLIENTS, COOKIEGATE_THREADS=str(THREADS)) as server:
        hang(
            stage,
            server.pause,
            server.go_on,
            hold_s=stage.long(20, 3),
            heal_s=POSTGRES_BACK_S,
            refused_within_s=LEADER_REFUSED_WITHIN_S,
        )
        stage.gates_open(time.monotonic(), POSTGRES_BACK_S)
        stage.check()


@row("standby-away", "PostgreSQL: the synchronous standby is away", engines=(POSTGRESQL,), everyday=False)
def standby_away(stage: Stage) -> None:
    """Every commit waits for a standby that does not come; reading goes on."""
    with served_from_postgres(stage, clients=CLIENTS, COOKIEGATE_THREADS=str(THREADS)) as server:
        standby = server.standby()
        try:
            server.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            server.ask("SELECT pg_reload_conf()")
            until(lambda: server.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
            stage.load.wait_for(50, since_s=time.monotonic())
            hang(
                stage,
                standby.stop,
                standby.start,
                hold_s=stage.long(30, 5),
                heal_s=POSTGRES_BACK_S,
                refused_within_s=LEADER_REFUSED_WITHIN_S,
            )
            left = server.ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            stage.must(left[0][0] <= THREADS, f"{left[0][0]} commits still wait")
            stage.gates_open(time.monotonic(), POSTGRES_BACK_S)
            stage.check()
        finally:
            standby.remove()


@row("disk-hangs", "a sync of the disk hangs", everyday=False)
def disk_hangs(stage: Stage) -> None:
    """Every sync waits while a file is there, by a library in front of libc."""
    source, library, hangs = stage.folder / "hang.c", stage.folder / "hang.so", stage.folder / "hangs"
    source.write_text(_HANG)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True, capture_output=True)
    stage.prepare(LD_PRELOAD=str(library), HANGS=str(hangs), COOKIEGATE_THREADS=str(THREADS))
    stage.begin(clients=CLIENTS)
    hang(stage, hangs.touch, hangs.unlink, hold_s=stage.long(20, 4), heal_s=HEAL_S)
    stage.check()


@row(
    "keys-held",
    "another process stands still at the subject keys",
    engines=(SQLITE, POSTGRESQL),
    everyday=False,
)
def keys_held(stage: Stage) -> None:
    """It holds the lock under which new keys are made: nobody new can be recorded, all others can."""
    stage.prepare(COOKIEGATE_THREADS=str(THREADS))
    stage.begin(clients=CLIENTS)
    taken = act(stage, "accept")
    token, handle, refused = taken.json["token"], taken.cookie(HANDLE), stage.load.seen.refused
    with (stage.target.data / "subject-keys" / "keys.bin").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        held = time.monotonic()
        until(lambda: stage.load.seen.refused > refused + CLIENTS)
        threading.Event().wait(stage.long(8, 2))
        withdrawn = act(stage, "withdraw", handle)
        stage.must(withdrawn.status == 201, f"a withdrawal got {withdrawn.status}")
        passed = stage.target.ask("GET", CHECK, X_Consent_Token=token).status == 204
        stage.must(not passed, "what was withdrawn passed a gate")
    freed = time.monotonic()
    stage.recovered(freed, HEAL_S)
    stage.load.wait_for(30, since_s=freed)
    stage.in_time("a refusal", stage.load.seen.slowest_refusal_s, REFUSED_WITHIN_S + 0.5)
    stage.in_time("a probe of /readyz, in ms,", stage.prober.slowest_ms("/readyz"), PROBE_WITHIN_MS)
    answer_probes(stage, held)
    stage.check()


def act(stage: Stage, action: str, handle: str | None = None) -> Answer:
    """An act beside those of the clients."""
    key = secrets.token_urlsafe(18)
    stage.journal.doubt(key, "beside")
    body = json.dumps({"notice": stage.target.notice(), "action": action}).encode()
    cookie = {"Cookie": f"{HANDLE}={handle}"} if handle else {}
    return stage.target.ask("POST", DECISIONS, body, Content_Type="application/json", Idempotency_Key=key, **cookie)

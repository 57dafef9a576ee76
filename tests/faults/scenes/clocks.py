"""The clock of the machine is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from support.waiting import until

from cookiegate.ledger.stored import last_checkpoint
from cookiegate.storage.opening import open_storage
from faults.checking import check_record
from faults.rows import POSTGRESQL, SQLITE, row
from faults.stage import Stage

BOTH = (SQLITE, POSTGRESQL)
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
HOUR_S, YEARS_S = 3_600, 10 * 365 * 86_400
SEALED_WITHIN_S = 20.0
#: The first purge of a service comes within a minute.
PURGED_BY_S = 75.0


def _moved_clock(stage: Stage) -> Path:
    """Prepares a service whose clock is moved by what is written into a file."""
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
    return offset


@row("clock-jump", "clock jump: an hour on, an hour back", engines=BOTH)
def clock_jump(stage: Stage) -> None:
    """What holds is decided by epochs, not by times; sealing goes on, whatever the leases say."""
    offset = _moved_clock(stage)
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


@row("clock-boots-ahead", "a start with a clock that is ten years ahead", engines=BOTH)
def boots_ahead(stage: Stage) -> None:
    """Nobody's record is old, whatever the clock says: nothing is destroyed, by the service or by the command."""
    offset = _moved_clock(stage)
    stage.begin(clients=2, pace_s=0.02, acts=20)
    stage.target.stop()
    offset.write_text(f"+{YEARS_S}s")
    stage.target.start()
    started = time.monotonic()
    stage.load.wait_for(20, since_s=started)
    stage.must(b"\ncookiegate_clock_implausible 1.0" in stage.target.ask("GET", "/metrics").body, "nobody is told")
    if stage.full:
        threading.Event().wait(max(0.0, started + PURGED_BY_S - time.monotonic()))
    purged = _purge(stage)
    stage.must(purged.returncode == 2 and "clock_implausible" in purged.stderr, f"purge said: {purged.stderr[-300:]}")
    stage.must(not _destroyed(stage), "keys were destroyed")
    if stage.full:
        stage.target.stop()
        offset.write_text("+0s")
        right = time.monotonic()
        stage.target.start()
        stage.recovered(right, 10.0)
        stage.must(b"\ncookiegate_clock_implausible 0.0" in stage.target.ask("GET", "/metrics").body, "it stays so")
        stage.must(not _destroyed(stage), "keys were destroyed")
    stage.end_load()
    stage.target.stop()
    check_record(stage.target, stage.journal, stage.checked)


def _purge(stage: Stage) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cookiegate.cli.main", "purge", "--data-dir", str(stage.target.data)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env = {**kept, **stage.target.env, "COOKIEGATE_BASE_URL": stage.target.process.base_url}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def _destroyed(stage: Stage) -> list[int]:
    storage = open_storage(stage.target.settings)
    try:
        return storage.vault.destroyed(0, storage.vault.size())
    finally:
        storage.close()


def _sealed(stage: Stage) -> int:
    """How far the ledger is sealed."""
    storage = open_storage(stage.target.settings)
    try:
        newest = last_checkpoint(storage)
        return newest.size if newest else 0
    finally:
        storage.close()

"""``kill -9`` of a purge, again and again: nobody is half disposed of, and the next purge finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pysqlite3
from support.keeping import Keeping

from cookiegate.clock import SystemClock

PEOPLE = 3_000
KILLS = 3
BEFORE_EACH_KILL = 400
WAIT_S = 60.0


def start_purge(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cookiegate.cli.main", "purge", "--clock-is-right"]
    command += ["--data-dir", str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env = {**kept, "COOKIEGATE_BASE_URL": "https://consent.example.jp"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def wait_for(database: Path, erased: int) -> None:
    """Waits until so many keys are erased, as another reader of the file sees it."""
    connection = pysqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    deadline = time.monotonic() + WAIT_S
    while connection.execute("SELECT count(*) FROM erased_keys").fetchone()[0] < erased:
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)
    connection.close()


def test_s18_a_purge_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    bench = Keeping(tmp_path / "data")
    key_ids = bench.fill(PEOPLE, first_ms=SystemClock().now_ms() - 400 * 86_400_000)
    young = bench.fill(1, first_ms=SystemClock().now_ms() - 100 * 86_400_000)
    bench.seal()
    bench.storage.close()
    for number in range(1, KILLS + 1):
        purge = start_purge(bench.folder)
        wait_for(bench.database, number * BEFORE_EACH_KILL)
        purge.send_signal(signal.SIGKILL)
        assert purge.wait(WAIT_S) == -signal.SIGKILL
        purge.communicate()
    last = start_purge(bench.folder)
    output, errors = last.communicate(timeout=WAIT_S)
    assert (last.returncode, errors) == (0, b"")
    assert b"records disposed of." in output
    bench.reopen()
    assert not any(bench.storage.vault.holds(key_id) for key_id in key_ids)
    assert bench.storage.vault.holds(young[0])
    assert all(row.is_erased for row in bench.storage.decisions("demo") if row.key_id not in young)
    named = [key for entry in bench.entries("disposal") for key in entry["erased_keys"]]
    assert sorted(named) == sorted(key_ids)  # each exactly once
    assert sum(entry["count"] for entry in bench.entries("disposal")) == PEOPLE
    bench.clock.at_ms = SystemClock().now_ms()
    bench.seal()
    assert not bench.verify().findings
    bench.close()

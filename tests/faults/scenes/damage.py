"""Bytes that are not what was written: in a payload, in a page of the database, in a key file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pysqlite3
from support.waiting import until

from faults.checking import check_record
from faults.rows import row
from faults.stage import Stage
from faults.target import SITE

PAGE = 4096
START_TIMEOUT_S = 30
ANY = "abcdefghijklmnopqrstuv"


def database(stage: Stage) -> pysqlite3.Connection:
    """The file, for somebody who changes it behind the service's back."""
    return pysqlite3.connect(str(stage.target.data / "cookiegate.db"), isolation_level=None, timeout=10)


def decide(stage: Stage, action: str, key: str, handle: str | None = None) -> int:
    """The status that one act gets."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"{key}-{ANY}"}
    if handle:
        headers["Cookie"] = f"cg_handle.{SITE}={handle}"
    body = json.dumps({"notice": stage.target.notice(), "action": action}).encode()
    return stage.target.ask("POST", f"/v1/sites/{SITE}/decisions", body, **headers).status


def newest_checkpoint(stage: Stage) -> tuple[int, bytes]:
    """Size and note of the last checkpoint that was signed."""
    connection = database(stage)
    found = connection.execute("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
    connection.close()
    return tuple(found) if found else (0, b"")


@row("corrupt-payload", "corrupt payload: a flipped byte in a record that waits to be sealed")
def corrupt_payload(stage: Stage) -> None:
    """It is seen before the next checkpoint; from then on nothing is granted, but a withdrawal is taken."""
    stage.begin()
    stage.target.kill()
    stage.end_load()
    last = {told.visitor: told for told in stage.journal.told}
    withdrawer = next(told for told in reversed(last.values()) if told.granted and told.visitor not in doubted(stage))
    connection = database(stage)
    waiting = "SELECT id FROM decisions WHERE id IN (SELECT entry_id FROM unsealed) ORDER BY id DESC LIMIT 1"
    (entry,) = connection.execute(waiting).fetchone()
    (sealed,) = connection.execute("SELECT sealed FROM decisions WHERE id = ?", (entry,)).fetchone()
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    connection.execute("UPDATE decisions SET sealed = ? WHERE id = ?", (flipped, entry))
    connection.close()
    before = newest_checkpoint(stage)
    began = time.monotonic()
    stage.target.process.launch()
    until(lambda: _says(stage, "ledger"), START_TIMEOUT_S)
    stage.notes.append(f"seen after {time.monotonic() - began:.1f} s")
    stage.must(decide(stage, "accept", "one") == 503, "something was granted on a damaged record")
    stage.must(decide(stage, "withdraw", "two", withdrawer.handle) == 201, "a withdrawal was refused")
    stage.must(newest_checkpoint(stage) == before, "a checkpoint was signed over the damage")
    stage.target.stop()
    connection = database(stage)
    connection.execute("UPDATE decisions SET sealed = ? WHERE id = ?", (sealed, entry))
    connection.close()
    mended = time.monotonic()
    stage.target.start()
    stage.must(decide(stage, "accept", "three") == 201, "nothing is granted although the record is whole again")
    stage.recovery_s = time.monotonic() - mended
    for key, visitor in (("two", withdrawer.visitor), ("three", "somebody")):
        stage.journal.doubt(key, visitor)
    stage.target.stop()
    check_record(stage.target, stage.journal, stage.checked)


def doubted(stage: Stage) -> set[str]:
    """The visitors who do not know what became of their last act."""
    return set(stage.journal.doubts.values())


def _says(stage: Stage, check: str) -> bool:
    """Whether ``/readyz`` names this check as the one that fails."""
    try:
        answer = stage.target.ask("GET", "/readyz")
    except OSError:
        return False
    return answer.status == 503 and answer.json["checks"][check] != "ok"


@row("corrupt-page", "corrupt page: pages of the database are overwritten", everyday=False)
def corrupt_page(stage: Stage) -> None:
    """The start is refused and names the file; ``ledger verify`` tells of it, too. The whole file serves again."""
    stage.begin()
    stage.target.kill()
    stage.end_load()
    newest = stage.journal.told[-1].decision
    connection = database(stage)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'decisions'").fetchone()
    (leaf,) = connection.execute("SELECT leaf FROM decisions WHERE id = ?", (newest,)).fetchone()
    connection.close()
    before = newest_checkpoint(stage)
    file = stage.target.data / "cookiegate.db"
    whole = file.read_bytes()
    for page in sorted({root - 1, whole.rindex(leaf) // PAGE}):
        file.write_bytes(whole[: page * PAGE] + b"\xa5" * PAGE + whole[(page + 1) * PAGE :])
        told = start_and_fail(stage)
        stage.must("cookiegate.db is damaged" in told, f"page {page}: the start said {told[-200:]!r}")
        verified = subprocess.run(
            [sys.executable, "-m", "cookiegate.cli.main", "ledger", "verify", "--data-dir", str(stage.target.data)],
            capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False,
        )  # fmt: skip
        stage.must(verified.returncode, f"page {page}: ledger verify found nothing")
    file.write_bytes(whole)
    stage.must(newest_checkpoint(stage) == before, "a checkpoint was signed over the damage")
    mended = time.monotonic()
    stage.target.start()
    stage.recovery_s = time.monotonic() - mended
    stage.target.stop()
    check_record(stage.target, stage.journal, stage.checked)


def start_and_fail(stage: Stage) -> str:
    """What a start says that is expected to fail; empty when it did not fail."""
    command = [sys.executable, "-m", "cookiegate.cli.main", "serve", "--port", str(stage.target.port)]
    command += ["--data-dir", str(stage.target.data)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
    env = {**kept, **stage.target.env, "COOKIEGATE_BASE_URL": stage.target.process.base_url}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True
    )
    try:
        told, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ""
    return told if process.returncode else ""


@row("key-files", "key missing, garbled or of the wrong mode")
def key_files(stage: Stage) -> None:
    """The service refuses to start, and names the file."""
    stage.begin()
    until(lambda: newest_checkpoint(stage)[0] > 0)  # before that a ledger's key may be made anew
    stage.end_load()
    stage.target.stop()
    folders = ("keys", "subject-keys")
    files = sorted(path for folder in folders for path in (stage.target.data / folder).iterdir() if path.name != "lock")
    faults: dict[str, Callable[[Path], object]] = {
        "missing": Path.unlink,
        "empty": lambda path: path.write_bytes(b""),
        "garbled": lambda path: path.write_bytes(b"\xa5" * max(64, path.stat().st_size)),
        "open to others": lambda path: path.chmod(0o644),
    }
    tried = 0
    for number, path in enumerate(files):
        data = path.read_bytes()
        for turn, (name, spoil) in enumerate(faults.items()):
            if not stage.full and (number != 2 * turn or number > 6):  # each fault once, on another file
                continue
            spoil(path)
            told = start_and_fail(stage)
            tried += 1
            stage.must(path.name in told, f"{path.name} {name}: the start said {told[-200:]!r}")
            path.write_bytes(data)
            path.chmod(0o600)
    stage.notes.append(f"{tried} refused starts, {len(files)} files")
    stage.target.start()
    stage.check()

"""Verifying a million entries on two cores, from the database and from an export, against a minute."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
from support.policies import demo_policy

from benchmarks.measuring import show
from cookiegate.clock import SystemClock, rfc3339
from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.hashing import canonical, leaf_hash, new_salt
from cookiegate.ledger.ids import new_id
from cookiegate.ledger.keyfile import open_ledger_key
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.policy.publishing import PolicyBook, publish
from cookiegate.settings import Settings
from cookiegate.storage.contract import DecisionRow, StatusSlot, Storage
from cookiegate.storage.opening import open_storage
from cookiegate.storage.sealed_rows import decision_columns
from cookiegate.storage.vault import FILE, FOLDER, KEY_BYTES
from cookiegate.tokens.keys import KeyRing

ENTRIES = int(os.environ.get("LEDGER_ENTRIES", "1000000"))
#: Decisions of one person, one after another: yes, a change, no.
EACH = 2
BATCH = 1_024
LIMIT_S = 60.0


def rows(storage: Storage, notice: str, count: int) -> Iterator[DecisionRow]:
    """Decisions as the service records them."""
    started_ms = SystemClock().now_ms() - count
    for number in range(count):
        person, epoch = divmod(number, EACH)
        at_ms, salt = started_ms + number, new_salt()
        record = {
            "v": 2, "id": new_id(at_ms), "site": "demo", "sub": f"{person:022d}", "epoch": epoch + 1,
            "action": "accept", "notice": notice, "ui": None, "policy_version": 1,
            "purposes": dict.fromkeys(("security", "quality", "analytics", "development", "advertising"), True),
            "acquire": dict.fromkeys(("ip", "device", "language", "screen", "browsing", "identifier", "other"), True),
            "device": {"browser": "Chrome 156", "system": "Linux", "kind": "desktop"}, "decided_at": rfc3339(at_ms),
        }  # fmt: skip
        text = canonical(record)
        slot, sub = StatusSlot(1 + number // 131_072, number % 131_072), str(record["sub"])
        leaf = leaf_hash(salt, text)
        yield DecisionRow(str(record["id"]), "demo", person + 1, sub, epoch + 1, text, salt, leaf, slot, at_ms)


def build(folder: Path) -> None:
    """Writes the record as sealing in batches would have left it."""
    settings = Settings(data_dir=folder)
    (folder / FOLDER).mkdir(mode=0o700)
    signer = open_ledger_key(folder, "consent.example.jp/ledger", is_begun=False)
    KeyRing.open(folder)
    storage = open_storage(settings)
    with (folder / FOLDER / FILE).open("ab") as keys:
        keys.write(secrets.token_bytes(KEY_BYTES * (ENTRIES // EACH + 1)))
    publish(storage, demo_policy(), SystemClock())
    notice = PolicyBook(storage, SystemClock()).notice("demo", "en").sha256
    connection = pysqlite3.connect(str(folder / "cookiegate.db"), isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    _write(connection, storage, signer, rows(storage, notice, ENTRIES))
    connection.execute("COMMIT")
    connection.close()
    storage.close()


def _write(connection: Any, storage: Storage, signer: NoteSigner, found: Iterator[DecisionRow]) -> None:
    frontier, batch = Frontier(), []
    for row in found:
        batch.append(row)
        if len(batch) == BATCH or frontier.size + len(batch) == ENTRIES:
            first = frontier.size
            frontier.push(one.leaf for one in batch)
            sealed = [decision_columns(storage.vault, one) for one in batch]
            connection.executemany("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", sealed)
            placed = [(first + place, one.id) for place, one in enumerate(batch)]
            connection.executemany("INSERT INTO positions VALUES (?, ?, 0)", placed)
            tiles = [(level, number, data) for (level, number), data in frontier.take_changed().items()]
            connection.executemany("INSERT OR REPLACE INTO ledger_tiles VALUES (?, ?, ?)", tiles)
            root = frontier.root()
            note = sign_checkpoint(signer, frontier.size, root)
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", (frontier.size, root, note, 1))
            batch = []


def command(*words: str) -> float:
    """Seconds that a command takes from its start to its end; it must succeed."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cookiegate.cli.main", *words], check=True, capture_output=True)
    return time.perf_counter() - started


def run() -> None:
    """Prints seconds against the limit."""
    with tempfile.TemporaryDirectory() as name:
        folder, export = Path(name), str(Path(name) / "ledger.jsonl")
        started = time.perf_counter()
        build(folder)
        print(f"{f'a ledger of {ENTRIES:,} entries':<34} built in {time.perf_counter() - started:.1f} s")
        seconds = {
            "from the database": command("ledger", "verify", "--data-dir", name),
            "export": command("export", "--data-dir", name, "--to", export),
            "from the export": command("ledger", "verify", "--export", export),
        }
        for title, found in seconds.items():
            show(f"verify {ENTRIES:,}: {title}", LIMIT_S, "s limit", "seconds", found, 1.0)
        alone = command("ledger", "verify", "--data-dir", name, "--processes", "1")
        print(f"{'':<34} one process alone: {alone:.1f} s")


if __name__ == "__main__":
    run()

"""Fills a record with decisions, as quickly as SQLite can: the rows that as many visitors would have left.

Every hot table gets its rows: decisions, consents, answers, positions; and the sealed tree with its signed checkpoint,
so that the sealer goes on from there. Payloads and keys are random bytes of the right length: nobody opens them here.
All keys of answers are still there, as if all the decisions had come in a week: the hardest case.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pysqlite3

from cookiegate.clock import SystemClock
from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.keyfile import read_ledger_key
from cookiegate.storage.contract import STATUS_LIST_SIZE
from cookiegate.storage.vault import BLOCK, KEY_BYTES

#: Bytes of a sealed decision and a sealed consent of the demo site.
SEALED_DECISION, SEALED_CONSENT = 630, 111
#: The decisions lie in the past, a hundred a second.
APART_MS = 10
CHUNK = 100_000
_ROWS = "WITH RECURSIVE given (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM given WHERE n < :last) "
#: Ids in the order of their time, as UUIDv7 are.
_ID = "lower(printf('%08x-%04x-7%03x-b000-%012x', (:start + n * :apart) >> 16, (:start + n * :apart) & 65535, 0, n))"
#: Hashes spread evenly, in order, so that each pass walks through the table once: what is random stays random.
_HASH = "unhex(printf('%014x', n * :step + :offset)) || randomblob(25)"
_FILL = (
    f"INSERT INTO decisions (id, site, key_id, epoch, sealed, leaf, status_list, status_index, decided_at_ms) {_ROWS} "
    f"SELECT {_ID}, 'demo', :key + n, 1, randomblob({SEALED_DECISION}), randomblob(32), 1, n % {STATUS_LIST_SIZE}, "
    ":start + n * :apart FROM given",
    f"INSERT INTO positions (position, entry_id, kind) {_ROWS} SELECT :position + n, {_ID}, 0 FROM given",
    f"INSERT INTO answers (site, key_hash, body_hash, decision_id, created_at_ms) {_ROWS} "
    f"SELECT 'demo', {_HASH}, randomblob(32), {_ID}, :start + n * :apart FROM given",
    "INSERT INTO consents (site, handle_hash, key_id, epoch, sealed, status_list, status_index, decision_id, "
    f"decided_at_ms, restricted) {_ROWS} SELECT 'demo', {_HASH}, :key + n, 1, randomblob({SEALED_CONSENT}), 1, "
    f"n % {STATUS_LIST_SIZE}, {_ID}, :start + n * :apart, 0 FROM given",
)


def fill(data_dir: Path, size: int) -> None:
    """Brings a record to ``size`` decisions. No service may run on it; one must have run, and sealed everything."""
    connection = pysqlite3.connect(str(data_dir / "cookiegate.db"), isolation_level=None)
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "locking_mode = EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}")
        count, sealed = (connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _COUNTED)
        if count != sealed:
            raise RuntimeError(f"{count - sealed} decisions wait to be sealed")
        if size > count:
            _add(connection, data_dir, sealed, size - count)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    os.sync()  # what filling left in the page cache must not stall what is measured next


_COUNTED = ("decisions", "positions")


def _add(connection: Any, data_dir: Path, position: int, count: int) -> None:
    start = SystemClock().now_ms() - count * APART_MS
    key = _make_keys(data_dir, count)
    step = 2**56 // count
    places = {"key": key, "position": position, "start": start, "apart": APART_MS, "step": step}
    connection.execute("BEGIN")
    for statement in _FILL:  # table by table, each in the order of its key
        for first in range(0, count, CHUNK):
            given = {"first": first, "last": min(first + CHUNK, count) - 1, "offset": int.from_bytes(os.urandom(4))}
            connection.execute(statement, {**places, **given, "offset": given["offset"] % max(step, 1)})
    _seal(connection, data_dir, position)
    connection.execute("COMMIT")


def _make_keys(data_dir: Path, count: int) -> int:
    """Adds subject keys and returns the first."""
    path = data_dir / "subject-keys" / "keys.bin"
    first = path.stat().st_size // KEY_BYTES
    with path.open("ab") as file:
        for _ in range(-(-count // BLOCK)):
            file.write(os.urandom(BLOCK * KEY_BYTES))
    return first


def _seal(connection: Any, data_dir: Path, before: int) -> None:
    """Grows the tree over what was added, and signs it."""

    def read(level: int, number: int) -> bytes:
        query = "SELECT hashes FROM ledger_tiles WHERE level = ? AND number = ?"
        row = connection.execute(query, (level, number)).fetchone()
        return bytes(row[0]) if row else b""

    frontier = Frontier(before, read)
    leaves = "SELECT leaf FROM positions JOIN decisions ON id = entry_id WHERE position >= ? ORDER BY position"
    cursor = connection.execute(leaves, (before,))
    while rows := cursor.fetchmany(CHUNK):
        frontier.push(row[0] for row in rows)
        tiles = [(level, number, hashes) for (level, number), hashes in frontier.take_changed().items()]
        connection.executemany("INSERT OR REPLACE INTO ledger_tiles (level, number, hashes) VALUES (?, ?, ?)", tiles)
    note = sign_checkpoint(read_ledger_key(data_dir), frontier.size, frontier.root())
    connection.execute(
        "INSERT INTO checkpoints (size, root, note, sealed_at_ms) VALUES (?, ?, ?, ?)",
        (frontier.size, frontier.root(), note, SystemClock().now_ms()),
    )

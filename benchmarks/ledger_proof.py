"""A proof in a ledger of ten million entries: its size, the tiles that it reads, and the time that it takes."""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import pysqlite3

from benchmarks.measuring import show
from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.ledger import Ledger
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.ledger.stored import tile_reader
from cookiegate.ledger.tree import Tree, verify_consistency, verify_inclusion
from cookiegate.settings import Settings
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage

LEAVES = 10_000_000
PROBES = 400
LIMIT_BYTES = 2_000
LIMIT_READS = 8
LIMIT_MS = 20.0
#: Leaves of the synthetic ledger repeat by this many, so that building it takes seconds and not minutes.
PATTERN = 65_536


def build(database: Path) -> NoteSigner:
    """Writes the tiles of ten million leaves, with positions for those that are asked for."""
    signer = NoteSigner.generate("consent.example.jp/ledger")
    frontier, pattern = Frontier(), [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(PATTERN)]
    connection = pysqlite3.connect(str(database), isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    while frontier.size < LEAVES:
        frontier.push(pattern[: LEAVES - frontier.size])
        tiles = frontier.take_finished() if frontier.size < LEAVES else frontier.take_changed()
        rows = [(level, number, hashes) for (level, number), hashes in tiles.items()]
        connection.executemany("INSERT INTO ledger_tiles VALUES (?, ?, ?)", rows)
    root = frontier.root()
    note = sign_checkpoint(signer, LEAVES, root)
    connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, 1)", (LEAVES, root, note))
    chosen = random.Random(7).sample(range(LEAVES), PROBES)
    connection.executemany(
        "INSERT INTO positions VALUES (?, ?, 0)", [(place, f"entry-{place:030d}") for place in chosen]
    )
    connection.execute("COMMIT")
    connection.close()
    return signer


def probe(storage: Storage) -> tuple[list[int], list[int], list[float]]:
    """Bytes, tile reads and milliseconds of every proof that was asked for; each is checked."""
    read, reads = tile_reader(storage), [0]

    def counting(level: int, number: int) -> bytes:
        reads[0] += 1
        return read(level, number)

    ledger, sizes, counts, times = Ledger(storage, counting), [], [], []
    for place in random.Random(7).sample(range(LEAVES), PROBES):
        reads[0], started = 0, time.perf_counter()
        proof = ledger.proof(f"entry-{place:030d}")
        body = json.dumps(proof.document(), separators=(",", ":"))
        times.append((time.perf_counter() - started) * 1000)
        sizes.append(len(body))
        counts.append(reads[0])
        assert verify_inclusion(proof.leaf, place, LEAVES, proof.path, proof.root)
    return sizes, counts, times


def run() -> None:
    """Prints each figure against its limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        storage = open_storage(Settings(data_dir=folder))
        started = time.perf_counter()
        build(folder / "cookiegate.db")
        print(f"{'a ledger of 10 million entries':<34} built in {time.perf_counter() - started:.1f} s")
        sizes, counts, times = probe(storage)
        title = "proof at 10 million entries"
        show(title, LIMIT_BYTES, "bytes limit", "largest answer, bytes", max(sizes), 1.0)
        show(title, LIMIT_READS, "reads limit", "most tiles read", max(counts), 1.0)
        show(title, LIMIT_MS, "ms limit", "median ms", statistics.median(times), 1.0)
        old = LEAVES // 3
        tree = Tree(LEAVES, tile_reader(storage))
        path = tree.consistency(old)
        old_root = Tree(old, tile_reader(storage)).root()
        assert verify_consistency(old, LEAVES, old_root, tree.root(), path)
        print(f"{'':<34} consistency from {old:,}: {len(path)} hashes")
        storage.close()


if __name__ == "__main__":
    run()

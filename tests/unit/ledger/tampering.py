"""A ledger's database in the hands of somebody who changes it."""

from __future__ import annotations

import random
from typing import Any

import pysqlite3
from support import engines
from support.ledger import LedgerBench

from cookiegate.ledger.checkpoint import sign_checkpoint
from cookiegate.ledger.frontier import Frontier
from cookiegate.ledger.signed_note import NoteSigner
from cookiegate.storage.contract import DecisionRow
from cookiegate.storage.sealed_rows import (
    decision_columns,
    decision_from_columns,
)

#: For tests that change a file by hand; ``test_sealing`` damages the record on every engine.
by_hand = engines.sqlite_only(
    "the file is changed in SQLite's own words; the verifier asks every engine in the same ones"
)
OTHER_KEY = NoteSigner("consent.example.jp/ledger", bytes(range(32)))


class Tampered:
    """The database of a bench under attack. ``rng`` chooses what is changed."""

    def __init__(self, bench: LedgerBench) -> None:
        self.bench = bench
        self.rng = random.Random(1)
        self.database = pysqlite3.connect(str(bench.database), isolation_level=None)
        self.database.execute("PRAGMA synchronous = OFF")
        self._pristine = pysqlite3.connect(":memory:")
        self.database.backup(self._pristine)
        self._keys = bench.storage.vault.path.read_bytes()

    def restore(self) -> None:
        """Makes everything as it was."""
        self._pristine.backup(self.database)
        with self.bench.storage.vault.path.open("r+b") as file:
            file.write(self._keys)

    def close(self) -> None:
        self.database.close()
        self._pristine.close()

    def rows(self, query: str, *values: Any) -> list[Any]:
        return list(self.database.execute(query, values).fetchall())

    def run(self, statement: str, *values: Any) -> None:
        self.database.execute("DROP TRIGGER IF EXISTS policies_no_update")
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self.database.execute(f"DROP TRIGGER {name}")
        self.database.execute(statement, values)

    def flipped(self, data: bytes) -> bytes:
        place = self.rng.randrange(len(data))
        return data[:place] + bytes([data[place] ^ self.rng.randrange(1, 256)]) + data[place + 1 :]

    def decision(self, *, whole: bool = True) -> tuple[int, DecisionRow]:
        """A sealed decision and its position."""
        condition = "NOT NULL" if whole else "NULL"
        found = self.rows(
            "SELECT position, decisions.* FROM decisions JOIN positions ON entry_id = id "
            f"WHERE sealed IS {condition} ORDER BY position"
        )
        position, *columns = self.rng.choice(found)
        return position, decision_from_columns(self.bench.storage.vault, tuple(columns))

    def entry(self) -> Any:
        """A sealed entry that is not a decision, by its columns."""
        return self.rng.choice(self.rows("SELECT entries.* FROM entries JOIN positions ON entry_id = id ORDER BY id"))

    def position(self) -> int:
        return self.rng.randrange(self.rows("SELECT count(*) FROM positions")[0][0])

    def put_decision(self, row: DecisionRow, **changes: Any) -> None:
        """Writes a decision with other contents under its own subject key, as an insider can."""
        changed = DecisionRow(**{name: changes.get(name, getattr(row, name)) for name in DecisionRow.__slots__})
        columns = decision_columns(self.bench.storage.vault, changed)
        self.run("DELETE FROM decisions WHERE id = ?", row.id)
        self.run(f"INSERT INTO decisions VALUES ({', '.join('?' * len(columns))})", *columns)

    def rebuild(self, signer: NoteSigner | None) -> None:
        """Makes a new tree of what the leaves are now; with a key also new notes, without it only new roots."""
        leaves = self.rows(
            "SELECT coalesce(d.leaf, e.leaf) FROM positions p LEFT JOIN decisions d ON d.id = p.entry_id "
            "LEFT JOIN entries e ON e.id = p.entry_id ORDER BY position"
        )
        sizes = [size for (size,) in self.rows("SELECT size FROM checkpoints ORDER BY size") if size <= len(leaves)]
        if not sizes or sizes[-1] != len(leaves):
            sizes.append(len(leaves))
        notes = dict(self.rows("SELECT size, note FROM checkpoints"))
        frontier, tiles = Frontier(), {}
        self.run("DELETE FROM checkpoints")
        for size in sizes:
            frontier.push(leaf for (leaf,) in leaves[frontier.size : size])
            tiles.update(frontier.take_changed())
            root = frontier.root()
            note = sign_checkpoint(signer, size, root) if signer else notes.get(size, "")
            self.run("INSERT INTO checkpoints VALUES (?, ?, ?, 1)", size, root, note)
        self.run("DELETE FROM ledger_tiles")
        for (level, number), hashes in tiles.items():
            self.run("INSERT INTO ledger_tiles VALUES (?, ?, ?)", level, number, hashes)

    def cut(self, size: int) -> None:
        """Takes everything after the first ``size`` entries away, as if it had never been."""
        self.run("DELETE FROM decisions WHERE id IN (SELECT entry_id FROM positions WHERE position >= ?)", size)
        self.run("DELETE FROM entries WHERE id IN (SELECT entry_id FROM positions WHERE position >= ?)", size)
        self.run("DELETE FROM positions WHERE position >= ?", size)
        self.run("DELETE FROM unsealed")
        self.run("DELETE FROM consents WHERE decision_id NOT IN (SELECT id FROM decisions)")
        self.run("DELETE FROM checkpoints WHERE size > ?", size)
        self.rebuild(self.bench.signer)

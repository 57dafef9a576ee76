"""The ledger as its database holds it, for verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.ledger.consents_check import check_consents
from cookiegate.ledger.documents_check import check_documents
from cookiegate.ledger.examining import Batch, Known
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.frontier import Tiles
from cookiegate.ledger.rows import DECISION_KIND, ENTRY_KIND, LedgerRow, load_sealed, load_unsealed
from cookiegate.ledger.sealing import SEAL_LEASE
from cookiegate.ledger.stored import StoredCheckpoint, last_checkpoint
from cookiegate.ledger.tiles import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, TileName, tiles_at
from cookiegate.storage.contract import NoticeRow, PolicyRow, Storage
from cookiegate.storage.tables import (
    artifacts,
    checkpoints,
    decisions,
    entries,
    leases,
    ledger_tiles,
    notices,
    policies,
    positions,
    unsealed,
)

#: Entries of one piece: sixteen tiles.
PIECE = 16 * TILE_WIDTH
UNSEALED_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Span:
    """Positions from ``first`` to before ``stop``."""

    first: int
    stop: int


class DatabaseSource:
    """Reads the record for verification; it may be in use meanwhile.

    Args:
        storage: the record.
        reopen: gives the same record to another process; not needed when there is one.
    """

    def __init__(self, storage: Storage, reopen: Callable[[], DatabaseSource] | None = None) -> None:
        self._storage = storage
        self.reopen = reopen
        newest = last_checkpoint(storage)
        self.size = newest.size if newest else 0
        self.total: int | None = self.size
        self.at_ms: int | None = _sealed_until(storage, newest)
        self.keeps_tree = True
        #: Subject keys that were destroyed since; only a copy of a record has any.
        self.erased_since: frozenset[int] = frozenset()

    def known(self, found: Findings) -> Known:
        """Checks the documents, and tells what decisions may point at."""
        read = self._storage.read
        columns = [column for column in policies.c if column.name != "revision"]
        return check_documents(
            (PolicyRow(**row) for row in read(sa.select(*columns).order_by(policies.c.site, policies.c.version))),
            (NoticeRow(**row) for row in read(sa.select(notices))),
            self._artifacts(),
            found,
        )

    def _artifacts(self) -> Iterator[tuple[str, bytes]]:
        digest = ""
        while True:  # one at a time: they are large, and few
            query = sa.select(artifacts.c.sha256, artifacts.c.body).where(artifacts.c.sha256 > digest)
            rows = self._storage.read(query.order_by(artifacts.c.sha256).limit(1))
            if not rows:
                return
            digest = rows[0]["sha256"]
            yield digest, rows[0]["body"]

    def pieces(self) -> Iterator[Span]:
        """The sealed entries in order, in pieces that :meth:`load` reads."""
        for first in range(0, self.size, PIECE):
            yield Span(first, min(first + PIECE, self.size))

    def load(self, piece: Span) -> Batch:
        """The entries of a piece, and the checkpoints that end in it."""
        inside = checkpoints.c.size.between(piece.first + 1, piece.stop)
        query = sa.select(checkpoints).where(inside).order_by(checkpoints.c.size)
        noted = [StoredCheckpoint.read(row) for row in self._storage.read(query)]
        return Batch(load_sealed(self._storage, piece.first, piece.stop), noted)

    def check_tiles(self, expected: Tiles, found: Findings) -> None:
        """Compares tiles that were computed anew with those that are stored."""
        if not expected:
            return
        places = sa.tuple_(ledger_tiles.c.level, ledger_tiles.c.number)
        rows = self._storage.read(sa.select(ledger_tiles).where(places.in_(list(expected))))
        stored = {(row["level"], row["number"]): bytes(row["hashes"]) for row in rows}
        for place, hashes in expected.items():
            kept = stored.get(place, b"")
            if kept[: len(hashes)] != hashes:
                found.add("tile_changed", f"tile {TileName(*place).path}", _difference(place, kept, hashes))

    def waiting(self) -> Batch:
        """The entries that wait to be sealed."""
        return Batch([row for _, row in load_unsealed(self._storage, UNSEALED_LIMIT)])

    def later(self) -> Iterator[LedgerRow]:
        """The entries that were sealed since this was opened."""
        newest = last_checkpoint(self._storage)
        for first in range(self.size, newest.size if newest else 0, PIECE):
            yield from load_sealed(self._storage, first, first + PIECE)

    def finish(self, found: Findings) -> None:
        """What only the whole record can tell: lists that do not fit together, consents that nobody gave."""
        self._check_end(found)
        check_consents(self._storage, found, self.erased_since)
        outside = sa.select(checkpoints.c.size).where(checkpoints.c.size < 1)
        for row in self._storage.read(outside):
            found.add("checkpoint_invalid", f"checkpoint {row['size']}", "no tree has this size")
        self._check_widths(found)
        for table, kind in ((decisions, DECISION_KIND), (entries, ENTRY_KIND)):
            listed = (
                sa.select(place.c.entry_id).where(place.c.entry_id == table.c.id, place.c.kind == kind).exists()
                for place in (positions, unsealed)
            )
            query = sa.select(table.c.id).where(*(~one for one in listed)).limit(UNSEALED_LIMIT)
            for row in self._storage.read(query):
                found.add("row_unlisted", f"{table.name} {row['id']}", "it is neither sealed nor waiting to be")
        twice = sa.select(unsealed.c.entry_id).where(unsealed.c.entry_id.in_(sa.select(positions.c.entry_id)))
        again = sa.select(positions.c.entry_id).group_by(positions.c.entry_id).having(sa.func.count() > 1)
        for query in (twice, again):
            for row in self._storage.read(query.limit(UNSEALED_LIMIT)):
                found.add("position_repeated", f"entry {row['entry_id']}", "it is listed twice")

    def _check_end(self, found: Findings) -> None:
        # In one statement, so that a sealer at work cannot come in between.
        last = sa.select(sa.func.max(positions.c.position)).scalar_subquery().label("last")
        size = sa.select(sa.func.max(checkpoints.c.size)).scalar_subquery().label("size")
        row = self._storage.read(sa.select(last, size))[0]
        end, signed = (-1 if row["last"] is None else row["last"]) + 1, row["size"] or 0
        if end != signed:
            detail = f"there are {end} positions, and the last checkpoint has {signed}"
            found.add("tree_unsigned", f"position {min(end, signed)}", detail)

    def _check_widths(self, found: Findings) -> None:
        size = sa.select(sa.func.max(checkpoints.c.size)).scalar_subquery().label("size")
        length = sa.func.length(ledger_tiles.c.hashes).label("length")
        rows = self._storage.read(sa.select(ledger_tiles.c.level, ledger_tiles.c.number, length, size))
        now = rows[0]["size"] or 0 if rows else 0
        expected = {(name.level, name.number): name.width * HASH_BYTES for name in tiles_at(now)}
        for row in rows:
            place = row["level"], row["number"]
            if expected.get(place) != row["length"]:
                found.add("tile_changed", f"tile {place[0]}/{place[1]}", "it is not as wide as in the signed tree")


def _sealed_until(storage: Storage, newest: StoredCheckpoint | None) -> int | None:
    """Until when entries could be sealed: the end of the last sealer's lead; None where no service ever led.

    What was recorded by a command, or in the last moments before a stop, waits for the next start without fault.
    """
    rows = storage.read(sa.select(leases.c.until_ms).where(leases.c.name == SEAL_LEASE))
    return max(rows[0]["until_ms"], newest.sealed_at_ms if newest else 0) if rows else None


def _difference(place: tuple[int, int], kept: bytes, hashes: bytes) -> str:
    differing = next((at for at in range(min(len(kept), len(hashes))) if kept[at] != hashes[at]), len(kept))
    level, number = place
    first = (number * TILE_WIDTH + differing // HASH_BYTES) << TILE_HEIGHT * level
    return f"its hash over position {first} is not the one computed from the entries"

"""Verifying a ledger: everything is derived again, from the payloads up to the signed roots.

Source: RFC 9162 (the tree), C2SP tlog-checkpoint (what was signed).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.examining import NO_LEAF, Batch, Erasing, Examined, Gone, Known, examine
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.frontier import Frontier, Tiles
from cookiegate.ledger.rows import DECISION, LedgerRow
from cookiegate.ledger.signed_note import NoteVerifier

UNSEALED_LIMIT_MS = 60_000
#: Largest hole in the positions that is filled to go on behind it.
HOLE_LIMIT = 1_000_000


class LedgerSource(Protocol):
    """Where a ledger is read from: its database, or an export."""

    total: int | None
    at_ms: int | None
    keeps_tree: bool
    reopen: Callable[[], Any] | None

    def known(self, found: Findings) -> Known:
        """Checks the documents, and tells what decisions may point at."""
        ...

    def pieces(self) -> Iterator[Any]:
        """The entries in order, in pieces that :meth:`load` reads, in whatever process."""
        ...

    def load(self, piece: Any) -> Batch:
        """The entries of a piece, and the checkpoints that end in it."""
        ...

    def check_tiles(self, expected: Tiles, found: Findings) -> None:
        """Compares tiles that were computed anew with those that are stored."""
        ...

    def waiting(self) -> Batch:
        """The entries that wait to be sealed."""
        ...

    def later(self) -> Iterator[LedgerRow]:
        """The entries that were sealed meanwhile."""
        ...

    def finish(self, found: Findings) -> None:
        """What only the whole can tell."""
        ...


@dataclass(slots=True)
class Verified:
    """What a verification saw. It is sound when ``findings`` is empty."""

    size: int = 0
    root: bytes = b""
    checkpoints: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    erased: int = 0
    waiting: int = 0
    findings: Findings = field(default_factory=Findings)


class Verification:
    """Takes what batches told, in order, and holds it together.

    Args:
        source: the ledger.
        saved: checkpoints that somebody kept elsewhere, signatures already checked, each with its name.
        now_ms: the time, for entries that wait to be sealed; for an export the time that it was made.
    """

    def __init__(self, source: LedgerSource, saved: Sequence[tuple[str, Checkpoint]], now_ms: int) -> None:
        self._source = source
        self._saved = sorted(saved, key=lambda pair: pair[1].size)
        self._now_ms = now_ms if source.at_ms is None else min(source.at_ms, now_ms)
        self._frontier = Frontier()
        self._epochs: dict[str, int] = {}
        self._gone: list[Gone] = []
        self._erasing: list[Erasing] = []
        self._told_at: dict[int, float] = {}
        self._ids: set[str] = set()
        self._signed = 0
        self.verified = Verified()

    def take(self, examined: Examined) -> None:
        """Goes on with the next batch."""
        found = self.verified.findings
        found.merge(examined.findings)
        self.verified.kinds.update(examined.kinds)
        self._note(examined)
        leaves = self._in_order(examined.places)
        end = self._frontier.size + len(leaves)
        for size, compare in heapq.merge(self._kept(examined), self._expected(end), key=lambda pair: pair[0]):
            grown = max(0, size - self._frontier.size)
            self._frontier.push(leaves[:grown])
            del leaves[:grown]
            compare()
        self._frontier.push(leaves)
        if self._source.keeps_tree:
            self._source.check_tiles(self._frontier.take_finished(), found)
        else:
            self._frontier.take_finished()

    def finish(self, verifier: NoteVerifier) -> Verified:
        """Ends the verification after the last batch."""
        verified, found, size = self.verified, self.verified.findings, self._frontier.size
        verified.size, verified.root = size, self._frontier.root()
        for _, compare in self._expected(size):
            compare()
        for name, checkpoint in self._saved:
            found.add("rolled_back", name, f"it was signed at size {checkpoint.size}, the ledger has {size}")
        if self._signed != size:
            detail = f"there are {size} entries, and the last checkpoint has {self._signed}"
            found.add("tree_unsigned", f"position {self._signed}", detail)
        if self._source.keeps_tree:
            self._source.check_tiles(self._frontier.unfinished(), found)
        waiting = self._source.waiting()
        if waiting.rows:  # perhaps under a notice that was published meanwhile
            examined = examine(waiting, self._source.known(Findings()), verifier)
            found.merge(examined.findings)
            self._note(examined)
        self._source.finish(found)
        self._account_for_gone()
        return verified

    def _note(self, examined: Examined) -> None:
        """Takes over what is compared between batches."""
        self.verified.waiting += len(examined.waiting)
        for name, at_ms in examined.waiting:
            if at_ms < self._now_ms - UNSEALED_LIMIT_MS:
                detail = f"it waits for {(self._now_ms - at_ms) // 1000} s"
                self.verified.findings.add("unsealed_late", name, detail)
        for name, subject, epoch in examined.epochs:
            if self._epochs.get(subject, 0) >= epoch:
                self.verified.findings.add("epoch_not_rising", name, f"epoch {epoch} does not rise")
            self._epochs[subject] = epoch
        self._gone += examined.gone
        self._erasing += examined.erasing

    def _in_order(self, places: list[tuple[int, str, bytes]]) -> list[bytes]:
        """The leaves of a batch, each at its position; holes are filled and told."""
        found, leaves, expected = self.verified.findings, [], self._frontier.size
        for position, entry_id, leaf in places:
            if not expected <= position <= expected + HOLE_LIMIT:
                found.add("position_repeated", f"position {position}, entry {entry_id}", f"position {expected} was due")
                continue
            if position > expected:
                detail = f"{position - expected} positions up to {position - 1} are missing"
                found.add("position_missing", f"position {expected}", detail)
                leaves += [NO_LEAF] * (position - expected)
            if entry_id in self._ids:
                found.add("position_repeated", f"position {position}, entry {entry_id}", "the entry came before")
            if entry_id and not self._source.keeps_tree:  # the database sees to that itself
                self._ids.add(entry_id)
            leaves.append(leaf)
            expected = position + 1
        return leaves

    def _kept(self, examined: Examined) -> Iterable[tuple[int, Callable[[], None]]]:
        for size, root in sorted(examined.checkpoints):
            yield size, partial(self._compare_kept, size, root)

    def _compare_kept(self, size: int, root: bytes) -> None:
        self.verified.checkpoints += 1
        if size <= self._signed:
            self.verified.findings.add("checkpoint_invalid", f"checkpoint {size}", f"it follows one of {self._signed}")
        elif self._frontier.size != size or self._frontier.root() != root:
            detail = f"the root of the first {size} entries is another one"
            self.verified.findings.add("root_mismatch", f"checkpoint {size}", detail)
        self._signed = max(self._signed, size)

    def _expected(self, end: int) -> Iterable[tuple[int, Callable[[], None]]]:
        """The saved checkpoints up to this size, which are then done with."""
        while self._saved and self._saved[0][1].size <= end:
            name, checkpoint = self._saved.pop(0)
            yield checkpoint.size, partial(self._compare_saved, name, checkpoint)

    def _compare_saved(self, name: str, saved: Checkpoint) -> None:
        if self._frontier.root() != saved.root:
            detail = f"the root of the first {saved.size} entries is not the one that was signed then"
            self.verified.findings.add("forked", name, detail)

    def _account_for_gone(self) -> None:
        """Every payload that is gone must have been erased by an entry that came after it."""
        self._index_erasing()
        if not all(self._is_told(gone) for gone in self._gone):  # perhaps it was erased while this was reading
            later = examine(Batch(list(self._source.later())), Known({}, frozenset()), _NOBODY)
            self._erasing += [told._replace(position=None) for told in later.erasing]
            self._index_erasing()
        self.verified.erased = len(self._gone)
        for gone in self._gone:
            if not self._is_told(gone):
                detail = f"its payload is gone, and no later entry says that its key {gone.key_id} was destroyed"
                self.verified.findings.add("payload_unaccounted", gone.name, detail)
        self._count_gone()

    def _count_gone(self) -> None:
        """Nobody's decision may hide among those of a person who was erased."""
        under = Counter(gone.key_id for gone in self._gone if gone.kind == DECISION)
        named = Counter(told.key_id for told in self._erasing)
        for key_id, _, decisions in self._erasing:
            if decisions is not None and named[key_id] == 1 and under[key_id] > decisions:
                detail = f"{under[key_id]} decisions under it are empty, its erasure told of {decisions}"
                self.verified.findings.add("payload_unaccounted", f"subject key {key_id}", detail)

    def _index_erasing(self) -> None:
        for key_id, position, _ in self._erasing:
            told_at = float("inf") if position is None else position
            self._told_at[key_id] = max(told_at, self._told_at.get(key_id, -1))

    def _is_told(self, gone: Gone) -> bool:
        told_at = self._told_at.get(gone.key_id, -1) if gone.key_id is not None else -1
        return told_at == float("inf") or (gone.position is not None and gone.position < told_at)


_NOBODY = NoteVerifier("nobody", bytes(32))

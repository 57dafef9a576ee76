"""Drives a verification, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from cookiegate.ledger.checkpoint import Checkpoint
from cookiegate.ledger.examining import Examined, Known, examine
from cookiegate.ledger.findings import Findings
from cookiegate.ledger.signed_note import NoteVerifier
from cookiegate.ledger.verification import LedgerSource, Verification, Verified

#: Pieces that are under way for each process, so that memory stays flat.
AHEAD = 3
Progress = Callable[[int], object]


def verify(
    source: LedgerSource,
    verifier: NoteVerifier,
    *,
    now_ms: int,
    saved: Sequence[tuple[str, Checkpoint]] = (),
    processes: int = 1,
    progress: Progress | None = None,
) -> Verified:
    """Derives a whole ledger again and compares it with what is stored and signed.

    Args:
        source: the ledger.
        verifier: the key that its checkpoints must be signed with.
        now_ms: the time.
        saved: checkpoints that somebody kept elsewhere, signatures already checked, each with its name.
        processes: how many examine entries.
        progress: told how many entries were done, again and again.

    Raises:
        StorageError, SourceUnreadableError: the ledger cannot be read.
    """
    found = Findings()
    known = source.known(found)
    verification = Verification(source, saved, now_ms)
    verification.verified.findings.merge(found)
    for examined in _examined(source, known, verifier, processes):
        verification.take(examined)
        if progress is not None:
            progress(len(examined.places))
    return verification.finish(verifier)


def _examined(source: LedgerSource, known: Known, verifier: NoteVerifier, processes: int) -> Iterator[Examined]:
    if processes < 2 or source.reopen is None:
        for piece in source.pieces():
            yield examine(source.load(piece), known, verifier)
        return
    # Spawned, not forked: the record's connections and locks must not be shared.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open_worker, (source.reopen, known, verifier)) as pool:
        under_way: deque[Future[Examined]] = deque()
        for piece in source.pieces():
            under_way.append(pool.submit(_examine_piece, piece))
            if len(under_way) > AHEAD * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


_worker: dict[str, Any] = {}


def _open_worker(reopen: Callable[[], Any], known: Known, verifier: NoteVerifier) -> None:
    _worker.update(source=reopen(), known=known, verifier=verifier)


def _examine_piece(piece: Any) -> Examined:
    return examine(_worker["source"].load(piece), _worker["known"], _worker["verifier"])

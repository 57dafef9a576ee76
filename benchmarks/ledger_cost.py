"""What ledger and receipt add to a decision, and whether sealing delays an acknowledgement, in one run."""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from support.service import AGENT, make_bench
from werkzeug.test import EnvironBuilder

from benchmarks.measuring import interleave, show
from cookiegate.storage.cache.memory import MemoryCache
from cookiegate.web.chores import Chore, Chores
from cookiegate.web.leads import Leads

THREADS = 8
ROUNDS = 5
SECONDS = 2.0
AIM_RATIO = 0.667  # at most 1.5 times the cost
_LEAF = bytes(32)
_numbers = itertools.count()


@contextmanager
def without_proof() -> Iterator[None]:
    """A service that keeps no ledger and signs no receipt: the decision is stored as before, and no more.

    Plain functions stand in, so that no recording of calls slows the contender down.
    """
    with (
        mock.patch("cookiegate.web.endpoints.decisions.draft_receipt", _no_receipt),
        mock.patch("cookiegate.consent.deciding.leaf_hash", _no_leaf),
        mock.patch("cookiegate.storage.sqlite_writing.SqliteTransaction.append_decision", _append_plainly),
        mock.patch("cookiegate.storage.sqlite_writing._WAIT_FOR_SEALING", _Nothing()),
    ):
        yield


class _Nothing:
    one = ""

    def run(self, *_: object) -> None:
        """Writes no row."""


def _no_receipt(*_: object) -> None:
    return None


def _no_leaf(*_: object) -> bytes:
    return _LEAF


def _append_plainly(self: Any, row: Any) -> None:
    slot = row.slot
    places = (slot and slot.list_id, slot and slot.index, row.decided_at_ms)
    self._kept.decisions[row.id] = row, (row.id, row.site, row.key_id, row.epoch, row.record, row.leaf, *places)


class Load:
    """Threads that decide against a service in this process, through its WSGI front."""

    def __init__(self, folder: Path) -> None:
        self.bench = make_bench(folder, RATE_LIMIT_WRITES="100000000/minute")
        notice = self.bench.visitor().notice()["notice"]
        self.body = json.dumps({"notice": notice, "action": "accept"}).encode()
        self.waits: list[float] = []

    def run(self) -> float:
        """Decisions per second."""
        stop, counts = threading.Event(), [0] * THREADS
        self.waits = []

        def decide(thread: int) -> None:
            while not stop.is_set():
                started = time.perf_counter()
                status = self._send()
                self.waits.append(time.perf_counter() - started)
                assert status.startswith("201"), status
                counts[thread] += 1

        threads = [threading.Thread(target=decide, args=(number,)) for number in range(THREADS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        stop.set()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)

    def p99_ms(self) -> float:
        """Of the last run."""
        return statistics.quantiles(self.waits, n=100)[98] * 1000

    def _send(self) -> str:
        headers = {"Idempotency-Key": f"{next(_numbers):032d}", "User-Agent": AGENT}
        environ = EnvironBuilder(
            "/v1/sites/demo/decisions", method="POST", data=self.body, headers=headers, content_type="application/json"
        ).get_environ()
        said: list[str] = []
        b"".join(self.bench.front(environ, lambda status, _headers, _info=None: said.append(status)))
        return said[0]


def sealing(load: Load) -> Callable[[], float]:
    """A run while the sealer works at its pace."""

    def run() -> float:
        while load.bench.service.sealer.run():  # what other rounds left is not this one's work
            pass
        chores = Chores(Leads(load.bench.service.storage, MemoryCache()))
        chores.start([Chore("seal", 0.25, load.bench.service.sealer.run)])
        try:
            return load.run()
        finally:
            chores.stop()

    return run


def run() -> None:
    """Prints both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loads = {"plain": Load(folder / "plain"), "proved": Load(folder / "proved")}
        sealed, p99s = sealing(loads["proved"]), {"alone": [], "sealing": []}

        def plain() -> float:
            with without_proof():
                return loads["plain"].run()

        def alone() -> float:
            rate = loads["proved"].run()
            p99s["alone"].append(loads["proved"].p99_ms())
            return rate

        def while_sealing() -> float:
            rate = sealed()
            p99s["sealing"].append(loads["proved"].p99_ms())
            return rate

        rates = interleave(ROUNDS, {"plain": plain, "alone": alone, "sealing": while_sealing})
        show(
            "decisions with ledger and receipt", rates["sealing"], "/s", "without either /s", rates["plain"], AIM_RATIO
        )
        show("decisions while sealing", rates["sealing"], "/s", "while not sealing /s", rates["alone"], 0.85)
        p99 = {key: statistics.median(values) for key, values in p99s.items()}
        print(f"{'':<34} p99 {p99['alone']:.1f} ms without, {p99['sealing']:.1f} ms with the sealer at work")


if __name__ == "__main__":
    run()

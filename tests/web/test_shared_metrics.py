"""Counters that several threads raise, and files that several workers share."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from cookiegate.web.metrics import SharedFiles, Tally


def test_a_file_that_another_worker_is_making_is_waited_for(tmp_path: Path) -> None:
    half_made = tmp_path / "counter_1.db"
    half_made.touch()
    maker = threading.Timer(0.1, os.truncate, (half_made, 1 << 20))
    maker.start()
    assert SharedFiles(tmp_path).collect() == []
    maker.join()


def test_a_tally_tells_its_counters_every_count_once_while_threads_count_and_ask() -> None:
    registry = CollectorRegistry()
    tally = Tally(*(Counter(name, "A count.", registry=registry) for name in ("one", "two")))

    def count() -> None:
        for number in range(5_000):
            tally.more()
            if number % 500 == 0:
                tally.settle()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(2):
        tally.settle()
        assert [registry.get_sample_value(f"{name}_total") for name in ("one", "two")] == [40_000, 40_000]

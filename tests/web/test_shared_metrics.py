"""Counters in files that several workers share."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from cookiegate.web.metrics import SharedFiles


def test_a_file_that_another_worker_is_making_is_waited_for(tmp_path: Path) -> None:
    half_made = tmp_path / "counter_1.db"
    half_made.touch()
    maker = threading.Timer(0.1, os.truncate, (half_made, 1 << 20))
    maker.start()
    assert SharedFiles(tmp_path).collect() == []
    maker.join()

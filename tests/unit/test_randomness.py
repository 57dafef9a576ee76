"""Bytes that are drawn ahead: none twice, in a forked process neither."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection

from cookiegate.randomness import random_bytes


def test_every_draw_is_as_long_as_asked_and_new() -> None:
    drawn = [random_bytes(16) for _ in range(10_000)]
    assert {len(each) for each in drawn} == {16}
    assert len(set(drawn)) == len(drawn)
    assert len(random_bytes(5_000)) == 5_000


def test_threads_draw_for_themselves() -> None:
    drawn: list[bytes] = []
    threads = [threading.Thread(target=lambda: drawn.extend(random_bytes(16) for _ in range(1_000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 8_000


def _draw(pipe: Connection) -> None:
    pipe.send(random_bytes(16))


def test_a_forked_process_draws_others() -> None:
    random_bytes(16)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_draw, args=(theirs,))
    child.start()
    found = ours.recv()
    child.join()
    assert found not in [random_bytes(16) for _ in range(100)]

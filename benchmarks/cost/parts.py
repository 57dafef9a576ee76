"""Where the CPU of a decision goes, and of an event through the gate: measured inside one process, by thread clocks."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from support.service import AGENT, make_bench
from werkzeug.test import EnvironBuilder

from benchmarks.gate_pipeline import CHUNK_LINES, EVENTS, PlainEvents

THREADS = 8
DECISIONS = "cookiegate.web.endpoints.decisions"
RECORD = "record: encryption, ledger leaf, rows, shared commit"
#: What a part is called in the table, and the function that it is. The first one holds the others.
PARTS = {
    RECORD: "take_decision",
    "receipt: document": "draft_receipt",
    "token: claims": "draft_token",
    "both signatures": "sign_both",
}
REST = "the rest: limits, checks, body, JSON, cookies"


class _Clock:
    """The CPU seconds of calls, over all threads."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._mutex = threading.Lock()

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time added up."""

        def run(*values: Any, **named: Any) -> Any:
            started = time.thread_time()
            try:
                return call(*values, **named)
            finally:
                with self._mutex:
                    self.spent_s += time.thread_time() - started

        return run


def decision_parts(count: int) -> Mapping[str, float]:
    """CPU microseconds of one accepting decision, by part, over that many decisions by eight threads."""
    with tempfile.TemporaryDirectory() as text, ExitStack() as patches:
        bench = make_bench(Path(text), RATE_LIMIT_WRITES="100000000/minute")
        notice = bench.visitor().notice()["notice"]
        body = json.dumps({"notice": notice, "action": "accept"}).encode()
        clocks = {part: _Clock() for part in PARTS}
        for part, name in PARTS.items():
            original = getattr(__import__(DECISIONS, fromlist=[name]), name)
            patches.enter_context(mock.patch(f"{DECISIONS}.{name}", clocks[part].timed(original)))
        whole = _Clock()
        answer = whole.timed(bench.front)
        _in_threads(count, lambda number: _decide(answer, body, number))
        bench.service.storage.close()
    parts = {part: clock.spent_s / count * 1e6 for part, clock in clocks.items()}
    parts[RECORD] -= sum(spent for part, spent in parts.items() if part != RECORD)
    return {**parts, REST: whole.spent_s / count * 1e6 - sum(parts.values())}


def _decide(answer: Callable[..., Any], body: bytes, number: int) -> None:
    headers = {"Idempotency-Key": f"{number:032d}", "User-Agent": AGENT}
    builder = EnvironBuilder(
        "/v1/sites/demo/decisions", method="POST", data=body, headers=headers, content_type="application/json"
    )
    said: list[str] = []
    answer(builder.get_environ(), lambda status, _headers, _info=None: said.append(status))
    if not said[0].startswith("201"):
        raise RuntimeError(said[0])


def _in_threads(count: int, work: Callable[[int], None]) -> None:
    def share(first: int) -> None:
        for number in range(first, count, THREADS):
            work(number)

    threads = [threading.Thread(target=share, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def event_cpu_us() -> Mapping[str, float]:
    """CPU microseconds of one plain event of about 500 bytes in a pipeline, by what the gate knows of its token."""
    with tempfile.TemporaryDirectory() as text:
        bench = PlainEvents(Path(text))
        gate = bench.gate()
        found = {}
        for name in ("in a pipeline, 20 events a token, each token new", "in a pipeline, tokens seen before"):
            started = time.process_time()
            for first in range(0, len(bench.lines), CHUNK_LINES):
                gate.lines(bench.lines[first : first + CHUNK_LINES])
            found[name] = (time.process_time() - started) / EVENTS * 1e6
        return found

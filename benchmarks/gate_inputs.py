"""The longest that the gate of each tracker needs for 64 kB, over inputs that are made to cost as much as they can.

Each comes in parts and as a line; of plain events a line is an event, so they come in parts alone.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.consent import ConsentService
from support.heavy_requests import heavy_requests

from cookiegate.gate import Gate, TrackerRequest, trackers

AIM_MS = 50.0
ROUNDS = 3


def _took_ms(work: Callable[[], object]) -> float:
    """CPU time of the best of some rounds: what else the machine does is not the input's doing."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found) * 1000


def _longest_ms(gate: Gate, request: TrackerRequest) -> float:
    line = {name: getattr(request, name) for name in ("method", "path", "headers", "body", "body_base64")}
    if isinstance(request.body, bytes):
        line |= {"body": None, "body_base64": base64.b64encode(request.body).decode()}
    text = json.dumps(line).encode()
    ways: list[Callable[[], object]] = [lambda: gate.filter(request)]
    if gate.table.name != "plain":
        ways.append(lambda: gate.line(text))
    return max(map(_took_ms, ways))


def run() -> None:
    """Prints a line for each tracker."""
    with tempfile.TemporaryDirectory() as folder:
        service = ConsentService(Path(folder))
        for tracker in trackers.NAMES:
            gate, requests = service.gate(tracker), [*heavy_requests(trackers.find(tracker), service.token())]
            ms, name = max((_longest_ms(gate, request), name) for name, request in requests)
            mark = "ok" if ms <= AIM_MS else "above the aim"
            title = f"64 kB, {tracker}, {len(requests)} inputs"
            print(f"{title:<34} {ms:>10.1f} ms at most ({name}) (aim {AIM_MS:.0f}) {mark}", flush=True)


if __name__ == "__main__":
    run()

"""``cookiegate gate`` as one process and as two, each with a part of a log, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.gate_pipeline import EVENTS, PlainEvents
from benchmarks.measuring import interleave, show

TIMES = 8
ROUNDS = 3
AIM_RATIO = 1.7


def _rate(processes: int, folder: Path) -> float:
    """Events per second of so many processes, each of which filters the whole log."""
    command = [
        str(Path(sys.executable).with_name("cookiegate")), "gate", "--audience", "demo", "--purpose", "analytics",
        "--jwks", str(folder / "keys.json"), "--status", str(folder / "list.jwt"), "--no-progress",
    ]  # fmt: skip
    started = time.perf_counter()
    running = []
    for _ in range(processes):
        with (folder / "events.jsonl").open("rb") as log:
            running.append(subprocess.Popen(command, stdin=log, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    for process in running:
        _, printed = process.communicate(timeout=300)
        assert process.returncode == 0, printed.decode()
        assert f"{EVENTS * TIMES:,}" in printed.decode(), printed.decode()
    return processes * EVENTS * TIMES / (time.perf_counter() - started)


def run() -> None:
    """Prints the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = PlainEvents(folder / "keys")
        (folder / "keys.json").write_bytes(orjson.dumps(events.ring.jwks()))
        (folder / "list.jwt").write_bytes(events.register.signed(1) or b"")
        with (folder / "events.jsonl").open("wb") as log:
            for _ in range(TIMES):
                log.write(b"\n".join(events.lines) + b"\n")
        rates = interleave(ROUNDS, {"one": lambda: _rate(1, folder), "two": lambda: _rate(2, folder)})
    show("gate command, two processes", rates["two"], "events/s", "one process", rates["one"], AIM_RATIO)


if __name__ == "__main__":
    run()

"""``/gate/strip`` with batches of plain events, warm, over HTTP."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import orjson
from support.live import ServiceProcess
from support.policies import DEMO

from benchmarks.gate_check import accept
from benchmarks.gate_pipeline import plain_event
from benchmarks.measuring import show, wrk

BATCH = 100
CONNECTIONS = 8
ROUNDS = 3
SECONDS = 4
AIM = 100_000
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("{body}"):read("*a")
"""


def run() -> None:
    """Prints the rate beside its aim."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = ServiceProcess(folder, policies=(DEMO,))
        service.start()
        try:
            url = f"http://127.0.0.1:{service.port}"
            token = f"X-Consent-Token: {accept(url)}"
            now_ms = int(time.time() * 1000)
            (folder / "body").write_bytes(orjson.dumps([plain_event(number, now_ms) for number in range(BATCH)]))
            (folder / "post.lua").write_text(SCRIPT.format(body=folder / "body"))
            strip = f"{url}/gate/strip/plain?purpose=analytics&site=demo"
            rates = [wrk(strip, SECONDS, CONNECTIONS, folder / "post.lua", token)[0] for _ in range(ROUNDS)]
        finally:
            service.stop()
    rate = statistics.median(rates) * BATCH
    show(f"/gate/strip, {BATCH} events a body", rate, "events/s", "the aim", AIM, 1.0)


if __name__ == "__main__":
    run()

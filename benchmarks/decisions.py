"""Durable decisions over HTTP against raw grouped SQLite inserts, in one run."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import msgspec
from support.live import ServiceProcess
from support.policies import DEMO

from benchmarks.measuring import interleave, show, wrk
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.vault import Vault

THREADS = 8
CONNECTIONS = 64
ROUNDS = 3
SECONDS = 4
AIM_RATIO = 0.15
AIM_RATE = 1_500
SCRIPT = """
local n = 0
local prefix = "%(prefix)s"
request = function()
  n = n + 1
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
  wrk.headers["Idempotency-Key"] = string.format("%%s-%%d", prefix, n)
  return wrk.format("POST", nil, nil, '%(body)s')
end
"""


def raw_inserts(folder: Path) -> float:
    """Grouped inserts per second of rows as large as ours, with nothing else: the limit."""
    # Without gathering: waiting would only slow this loop.
    storage = SqliteStorage.open(f"sqlite:///{folder / 'raw.db'}", Vault.open(folder), gather_s=0)
    key_id = storage.vault.new_key()
    stop, counts = threading.Event(), [0] * THREADS
    record, base = b"x" * 560, secrets.token_hex(8)

    def insert(thread: int) -> None:
        while not stop.is_set():
            row_id = f"{base}-{thread}-{counts[thread]:012d}"
            columns = row_id, "demo", key_id, 1, record, b"l" * 32, None, None, 1
            storage.write(
                lambda transaction, columns=columns: transaction.run(
                    "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", columns
                )
            )
            counts[thread] += 1

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    rate = sum(counts) / (time.perf_counter() - started)
    storage.close()
    return rate


def run() -> None:
    """Prints the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw, live, scripts = folder / "raw", folder / "live", folder / "scripts"
        for made in (raw, live, scripts):
            made.mkdir()
        limits = {"COOKIEGATE_RATE_LIMIT_WRITES": "100000000/minute", "COOKIEGATE_THREADS": str(THREADS)}
        service = ServiceProcess(live, policies=(DEMO,), **limits)
        service.start()
        try:
            url = f"http://127.0.0.1:{service.port}/v1/sites/demo"
            with urllib.request.urlopen(f"{url}/notice?lang=ja") as answer:
                notice = msgspec.json.decode(answer.read())["notice"]
            p99s: list[float] = []

            def decide() -> float:
                script = scripts / f"{secrets.token_hex(4)}.lua"
                body = msgspec.json.encode({"notice": notice, "action": "accept"}).decode()
                script.write_text(SCRIPT % {"prefix": secrets.token_hex(8), "body": body})
                rate, p99 = wrk(f"{url}/decisions", SECONDS, CONNECTIONS, script)
                p99s.append(p99)
                return rate

            rates = interleave(ROUNDS, {"raw": lambda: raw_inserts(raw), "ours": decide})
        finally:
            service.stop()
    show("durable decisions", rates["ours"], "/s", "raw grouped SQLite inserts/s", rates["raw"], AIM_RATIO)
    print(f"{'':<34} p99 {max(p99s):.1f} ms at {CONNECTIONS} clients; aim {AIM_RATE:,} a second")


if __name__ == "__main__":
    run()

"""Durable decisions over HTTP, with ledger leaf, signed receipt and token, against raw grouped SQLite inserts."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.deciding import AIM_P99_MS, AIM_RATE, CONNECTIONS, Deciding
from benchmarks.measuring import interleave
from cookiegate.storage.sqlite import SqliteStorage
from cookiegate.storage.vault import Vault

THREADS = 8
ROUNDS = 3
SECONDS = 4


def raw_inserts(folder: Path) -> float:
    """Grouped inserts per second of rows as large as ours, with nothing else: the limit."""
    # Without gathering: waiting would only slow this loop.
    storage = SqliteStorage.open(f"sqlite:///{folder / 'raw.db'}", Vault.open(folder), gather_s=0)
    key_id = storage.vault.new_key()
    stop, counts = threading.Event(), [0] * THREADS
    record, base = b"x" * 630, secrets.token_hex(8)
    statement = (
        "INSERT INTO decisions (id, site, key_id, epoch, sealed, leaf, decided_at_ms) VALUES (?, 'demo', ?, 1, ?, ?, 1)"
    )

    def insert(thread: int) -> None:
        while not stop.is_set():
            columns = f"{base}-{thread}-{counts[thread]:012d}", key_id, record, b"l" * 32
            storage.write(lambda transaction, columns=columns: transaction.run(statement, columns))
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
    """Prints rate and p99 beside their aims."""
    with tempfile.TemporaryDirectory() as name:
        raw, live = Path(name, "raw"), Path(name, "live")
        raw.mkdir()
        live.mkdir()
        p99s: list[float] = []
        requests, cpu_s = 0, 0.0

        with Deciding(live).running() as service:

            def decide() -> float:
                nonlocal requests, cpu_s
                before = service.cpu_s()
                found = service.load(SECONDS)
                requests, cpu_s = requests + found.requests, cpu_s + service.cpu_s() - before
                p99s.append(found.p99_ms)
                return found.rate

            rates = interleave(ROUNDS, {"raw": lambda: raw_inserts(raw), "ours": decide})
    rate, p99 = rates["ours"], statistics.median(p99s)
    mark = "ok" if rate >= AIM_RATE and p99 <= AIM_P99_MS else "below the aim"
    print(
        f"{'durable decisions':<34} {rate:>10,.0f} /s (aim {AIM_RATE:,})   p99 {p99:.1f} ms (aim {AIM_P99_MS:g}) "
        f"at {CONNECTIONS} clients  {mark}; {1e6 * cpu_s / requests:.0f} us of CPU each",
        flush=True,
    )
    print(f"{'raw grouped SQLite inserts':<34} {rates['raw']:>10,.0f} /s   ratio {rate / rates['raw']:.3f}")


if __name__ == "__main__":
    run()

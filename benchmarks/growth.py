"""Whether decisions stay as quick as the record grows: measured at each size of one record, in one run."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.deciding import AIM_P99_MS, Deciding
from benchmarks.filling import fill

SIZES = (10_000, 1_000_000, 10_000_000)
SECONDS = 15
WARM_S = 3
#: A decision at the largest size may cost so much more than at the smallest.
AIM_RATIO = 0.9
ROOM_BYTES = 25_000_000_000


def run(options: list[str] | None = None) -> None:
    """Prints a line for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="decisions, comma-separated, rising")
    parser.add_argument("--folder", type=Path, help="where the record may take 25 GB; a temporary one when not given")
    chosen = parser.parse_args(options or [])
    sizes = [int(text) for text in chosen.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        if shutil.disk_usage(name).free < ROOM_BYTES * max(sizes) // SIZES[-1]:
            raise RuntimeError(f"{name} has too little room; name another folder by --folder")
        _measure(Path(name), sizes)


def _measure(folder: Path, sizes: list[int]) -> None:
    first = 0.0
    with Deciding(folder).running() as service:
        service.load(1)
        time.sleep(2)  # the sealer comes to the end
    for size in sizes:
        started = time.monotonic()
        fill(folder / "data", size)
        os.sync()  # what filling left to be written is none of the decisions'
        filled_s = time.monotonic() - started
        with Deciding(folder).running() as service:
            service.load(WARM_S)
            before = service.cpu_s()
            found = service.load(SECONDS)
            cpu_us = 1e6 * (service.cpu_s() - before) / found.requests
            time.sleep(2)
        first = first or found.rate
        ratio = found.rate / first
        mark = "ok" if ratio >= AIM_RATIO and found.p99_ms <= AIM_P99_MS else "below the aim"
        on_disk = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file())
        print(
            f"{size:>12,} decisions  {found.rate:>8,.0f} /s  ratio {ratio:.2f} (aim {AIM_RATIO})  "
            f"p99 {found.p99_ms:.1f} ms (aim {AIM_P99_MS:g})  {mark}; {cpu_us:.0f} us of CPU each; "
            f"{on_disk / 1e9:.1f} GB, filled in {filled_s:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    run()

"""What a gate holds after ten million events with more tokens than its caches keep: ``--events=1000000`` for fewer."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from benchmarks.gate_pipeline import CHUNK_LINES, ISSUER, plain_event
from cookiegate.clock import SystemClock
from cookiegate.gate import Gate, Verifier
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import KeyRing

EVENTS = 10_000_000
TOKENS = 60_000
#: A visitor's events come close together.
EACH = 20
AIM_GROWTH = 1.1


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(options: Sequence[str] = ()) -> None:
    """Prints the resident memory when the caches are full, and at the end."""
    events = next((int(text.partition("=")[2]) for text in options if text.startswith("--events=")), EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        ring, now_ms = KeyRing.open(Path(folder)), SystemClock().now_ms()
        issuer = Issuer(ring, ISSUER)
        tokens = [
            issuer.issue(
                site="demo", sub=f"{number:022d}", policy_version=1, epoch=1, scope=("security", "analytics"),
                acquire=CATEGORIES[: number % 8], status_list=1, status_index=number, issued_at_ms=now_ms,
            ).text
            for number in range(TOKENS)
        ]  # fmt: skip
        gate = Gate(Verifier(ring.jwks(), audience="demo"), purpose="analytics")
        started, full_mb, first = time.process_time(), 0.0, TOKENS * EACH
        for done in range(0, events, CHUNK_LINES):
            lines = [
                orjson.dumps({"consent_token": tokens[number // EACH % TOKENS], **plain_event(number % 10**6, now_ms)})
                for number in range(done, min(done + CHUNK_LINES, events))
            ]
            gate.lines(lines)
            if not full_mb and done + CHUNK_LINES >= first:
                full_mb = _resident_mb()
    end_mb, took_s = _resident_mb(), time.process_time() - started
    assert gate.counts.accepted == events
    growth = end_mb / (full_mb or end_mb)
    mark = "ok" if growth <= AIM_GROWTH else "above the aim"
    title = f"memory after {events:,} events"
    print(
        f"{title:<34} {end_mb:>10,.0f} MB           {TOKENS:,} tokens; after {first:,} events {full_mb:,.0f} MB  "
        f"ratio {growth:.3f} (aim {AIM_GROWTH} at most) {mark}; {took_s:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    run()

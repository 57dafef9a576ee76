"""The pipeline gate on plain events, warm and cold, against a loop that only parses and serialises, in one run."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import orjson

from benchmarks.measuring import interleave, show
from cookiegate.clock import SystemClock
from cookiegate.gate import Gate, Verifier
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.statuses import EpochRegister

ISSUER = "https://consent.example.jp"
EVENTS = 40_000
TOKENS = 2_000
ROUNDS = 9
#: As many as the command reads from a file at once.
CHUNK_LINES = 1024
AIM_RATIO = 0.8
_GRANTS = (CATEGORIES, CATEGORIES, ("device", "language", "screen", "browsing"), ("browsing",))


class PlainEvents:
    """Keys, a status list, and lines of events with tokens of several grants."""

    def __init__(self, folder: Path) -> None:
        self.ring = KeyRing.open(folder)
        self.register = StatusRegister(self.ring, ISSUER)
        self.register.ensure(1)
        issuer, now_ms = Issuer(self.ring, ISSUER), SystemClock().now_ms()
        tokens = [
            issuer.issue(
                site="demo", sub=f"{number:022d}", policy_version=1, epoch=1, scope=("security", "analytics"),
                acquire=_GRANTS[number % len(_GRANTS)], status_list=1, status_index=number, issued_at_ms=now_ms,
            ).text
            for number in range(TOKENS)
        ]  # fmt: skip
        self.lines = _lines(tokens, now_ms)

    def gate(self) -> Gate:
        verifier = Verifier(self.ring.jwks(), audience="demo", status=self.register, epochs=EpochRegister())
        return Gate(verifier, purpose="analytics")


def _lines(tokens: Sequence[str], now_ms: int) -> list[bytes]:
    """Events of about 500 bytes beside their token; a visitor's twenty come close together, mixed with others'."""
    chance, lines = random.Random(7), []
    for window in range(0, len(tokens), 200):
        sessions = [token for token in tokens[window : window + 200] for _ in range(EVENTS // TOKENS)]
        chance.shuffle(sessions)
        lines += [
            orjson.dumps({"consent_token": token, **plain_event(number, now_ms)})
            for number, token in enumerate(sessions)
        ]
    return lines


def plain_event(number: int, now_ms: int) -> dict[str, object]:
    """One of many page views, of about 450 bytes."""
    return {
        "event": "page_view",
        "time": now_ms + number % 1000,
        "url": f"https://shop.example.jp/items/{number}?colour=blue&size=m&utm_source=newsletter",
        "referrer": "https://search.example.jp/?q=blue+thing",
        "title": "青いもの - Shop",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
        "language": "ja",
        "screen": "1920x1080",
        "client_id": f"c0ffee-{number:08d}",
        "session_id": f"5e55-{number:08d}",
        "ip": "203.0.113.77",
        "timezone": "Asia/Tokyo",
        "value": 12.5,
    }


def _rate(lines: Sequence[bytes], work: Callable[[Sequence[bytes]], None]) -> float:
    started = time.perf_counter()
    work(lines)
    return len(lines) / (time.perf_counter() - started)


def _pass(gate: Gate) -> Callable[[Sequence[bytes]], None]:
    def work(lines: Sequence[bytes]) -> None:
        for start in range(0, len(lines), CHUNK_LINES):
            gate.lines(lines[start : start + CHUNK_LINES])

    return work


def _parse_and_write(
    read: Callable[[bytes], object], write: Callable[[object], bytes]
) -> Callable[[Sequence[bytes]], None]:
    def work(lines: Sequence[bytes]) -> None:
        for line in lines:
            write(read(line))

    return work


def run() -> None:
    """Prints the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        bench = PlainEvents(Path(folder))
        warm = bench.gate()
        contenders = {
            "orjson": lambda: _rate(bench.lines, _parse_and_write(orjson.loads, orjson.dumps)),
            "msgspec": lambda: _rate(
                bench.lines, _parse_and_write(msgspec.json.Decoder().decode, msgspec.json.Encoder().encode)
            ),
            "warm": lambda: _rate(bench.lines, _pass(warm)),
            "cold": lambda: _rate(bench.lines, _pass(bench.gate())),
        }
        rates = interleave(ROUNDS, contenders)
        assert warm.counts.accepted == EVENTS * ROUNDS
    size = sum(map(len, bench.lines)) // EVENTS
    unit = "events/s"
    print(f"plain events of {size} bytes with their tokens, {EVENTS // TOKENS} events a token, {len(_GRANTS)} grants")
    show("pipeline gate, warm cache", rates["warm"], unit, "orjson parse + serialise", rates["orjson"], AIM_RATIO)
    show("pipeline gate, warm cache", rates["warm"], unit, "msgspec parse + serialise", rates["msgspec"], AIM_RATIO)
    show("pipeline gate, cold cache", rates["cold"], unit, "orjson parse + serialise", rates["orjson"], 0.1)


if __name__ == "__main__":
    run()

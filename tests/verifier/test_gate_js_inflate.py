"""The inflater in JavaScript takes and refuses what zlib does, on whole, torn and hostile streams."""

from __future__ import annotations

import base64
import gzip
import json
import random
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

from cookiegate.gate import bodies
from cookiegate.tokens.reasons import Denied, Reason

RUNNER = Path(__file__).with_name("run_inflate.mjs")
LIMIT = 40_000


def streams(rand: random.Random) -> Iterator[tuple[bytes, str]]:
    """Packed texts of every block type and level, then broken ones."""
    texts = [
        b"",
        b"a",
        b"abc" * 5000,
        rand.randbytes(3000),
        bytes(39_990),
        bytes(LIMIT),
        bytes(LIMIT + 1),
        b"x" * 400_000,
    ]
    texts += [
        bytes(rand.choices(range(size), k=rand.randrange(4000))) for size in (2, 5, 30, 100, 256) for _ in range(3)
    ]
    for text in texts:
        for level in (0, 1, 6, 9):
            for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE):
                for form, window in (("gzip", 31), ("zlib", 15)):
                    packer = zlib.compressobj(level, zlib.DEFLATED, window, 9, strategy)
                    yield packer.compress(text) + packer.flush(), form
    whole = gzip.compress(texts[2] + texts[9], mtime=0)
    sum_of_head = (zlib.crc32(whole[:3] + b"\x02" + whole[4:10]) & 0xFFFF).to_bytes(2, "little")
    heads = ((1, b""), (2, sum_of_head), (2, b"xx"), (4, b"\x02\x00ab"), (4, b"\xff\xff"), (8, b"name\x00"))
    heads += ((16, b"comment\x00"), (24, b"n\x00c\x00"), (32, b""), (128, b""))
    flags = [whole[:3] + bytes([flag]) + whole[4:10] + extra + whole[10:] for flag, extra in heads]
    torn = [whole + whole, whole + b"\x00", b"\x00" + whole, whole[:-1], whole[:-8], b"", b"\x1f\x8b", *flags]
    yield from ((data, "gzip") for data in torn)
    for size in (60, 400, 2500):
        text = bytes(rand.choices(b"abcdefgh \n{}:,", k=size))
        for form, data in (("gzip", gzip.compress(text, mtime=0)), ("zlib", zlib.compress(text))):
            for _ in range(700):
                bent = bytearray(data)
                for _ in range(rand.randint(1, 3)):
                    bent[rand.randrange(len(bent))] ^= 1 << rand.randrange(8)
                yield bytes(bent[: rand.choice((len(bent), rand.randrange(len(bent))))]), form
    for _ in range(1500):
        yield b"\x78\x9c" + bytes([rand.choice((4, 5, 2, 3, 0, 6))]) + rand.randbytes(rand.randrange(80)), "zlib"


def wanted(data: bytes, form: str) -> str:
    """What the gate in Python makes of it."""
    try:
        found = bodies.read_bytes(data, None, {"zlib": "deflate"}.get(form, form), LIMIT)
    except Denied as denial:
        return "too large" if denial.reason is Reason.BODY_TOO_LARGE else "malformed"
    return base64.b64encode(found).decode()


def test_both_inflaters_agree_on_thousands_of_streams() -> None:
    # A body past the limit is refused before anybody unpacks it.
    asked = [(data, form) for data, form in streams(random.Random(5)) if len(data) <= LIMIT]
    lines = json.dumps([(base64.b64encode(data).decode(), form, LIMIT) for data, form in asked])
    done = subprocess.run(["node", str(RUNNER)], input=lines, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stdout)
    expected = [wanted(data, form) for data, form in asked]
    assert [item for item in zip(asked, expected, found, strict=True) if item[1] != item[2]][:3] == []
    assert len({*expected}) > 20

"""Content codings: what a file is packed with ahead, and which of that a client wants (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Collection, Mapping
from functools import lru_cache

#: The better ones first: what a client wants equally is answered in this order.
CODINGS = ("br", "gzip")
IDENTITY = "identity"
#: No client has more to say, and a stranger's text is kept no longer than this.
_HEADER_MAX_CHARS = 200


def preferred(header: str | None, offered: Collection[str]) -> str:
    """The coding to answer with.

    Args:
        header: the value of ``Accept-Encoding``; None where there is none.
        offered: codings that the file is there in.

    Returns:
        One of ``offered``, or ``identity``: also where a client forbids everything, as it can still read that.
    """
    wanted = _wanted(header) if header and len(header) <= _HEADER_MAX_CHARS else {}
    others = wanted.get("*", 0.0)
    weights = {coding: wanted.get(coding, others) for coding in CODINGS if coding in offered}
    best = max(weights, key=lambda coding: weights[coding], default=IDENTITY)
    plain = wanted.get(IDENTITY, 0.0)
    return best if weights.get(best, 0.0) > 0 and weights[best] >= plain else IDENTITY


@lru_cache(maxsize=512)
def _wanted(header: str) -> Mapping[str, float]:
    """Coding → its weight from 0 to 1; what is not well-formed counts as not wanted."""
    wanted: dict[str, float] = {}
    for item in header.lower().split(","):
        coding, _, parameter = item.partition(";")
        coding = coding.strip().removeprefix("x-")
        if coding:
            wanted[coding] = _weight(parameter.strip())
    return wanted


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    digits = value.strip()
    if name.strip() != "q" or not digits.replace(".", "", 1).isdecimal() or not digits.isascii():
        return 0.0
    return min(float(digits), 1.0)


def gzipped(body: bytes) -> bytes:
    """Packed with gzip, the same bytes each time."""
    return gzip.compress(body, 9, mtime=0)


def brotlied(body: bytes) -> bytes | None:
    """Packed with brotli as far as it goes: some 40 ms for a script. None where the ``brotli`` package is missing."""
    try:
        brotli = importlib.import_module("brotli")
    except ImportError:
        return None
    packed: bytes = brotli.compress(body, quality=11)
    return packed

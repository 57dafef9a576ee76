"""RFC 9162 as its text reads, without tiles and without speed: what the real tree is compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def leaves(count: int) -> list[bytes]:
    return [leaf(number.to_bytes(4, "big")) for number in range(count)]


def _k(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = _k(len(hashes))
    return hashlib.sha256(b"\1" + root(hashes[:k]) + root(hashes[k:])).digest()


def path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = _k(len(hashes))
    if index < k:
        return [*path(index, hashes[:k]), root(hashes[k:])]
    return [*path(index - k, hashes[k:]), root(hashes[:k])]


def proof(old: int, hashes: Sequence[bytes]) -> list[bytes]:
    return _subproof(old, hashes, True) if old > 0 else []


def _subproof(old: int, hashes: Sequence[bytes], known: bool) -> list[bytes]:
    if old == len(hashes):
        return [] if known else [root(hashes)]
    k = _k(len(hashes))
    if old <= k:
        return [*_subproof(old, hashes[:k], known), root(hashes[k:])]
    return [*_subproof(old - k, hashes[k:], False), root(hashes[:k])]

"""What a copy of the subject keys is checked by: a digest of each key, beside it.

``keys.sums`` holds 16 bytes of SHA-256 for each slot of ``keys.bin``, that of the header too, and then the SHA-256 of
all these. A digest of 256 random bits gives nobody the bits back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

from cookiegate.storage.vault import FILE, KEY_BYTES

SUMS = "keys.sums"
#: While a copy is replaced, those of the new one lie here, so that either copy has its own.
NEW_SUMS = "keys.sums.new"
_SUM_BYTES = 16
_CHUNK_BYTES = 32_768 * KEY_BYTES
_DESTROYED = bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Kinship:
    """How a file of subject keys compares with another one that may be the same at a later time.

    Args:
        older, newer: how many keys each has.
        is_related: whether at least one key is in both; keys of two services never are the same.
        differing: keys that the newer one has otherwise. In the life of one file keys are added and destroyed, no more.
    """

    older: int
    newer: int
    is_related: bool
    differing: list[int]


def count_keys(path: Path) -> int:
    """How many keys a file of them has; 0 where there is none."""
    return max(path.stat().st_size // KEY_BYTES - 1, 0) if path.exists() else 0


def compare(older: Path, newer: Path) -> Kinship:
    """Compares two files of subject keys.

    Raises:
        OSError: one cannot be read.
    """
    is_related, differing = False, []
    if newer.exists():
        for first, mine, other in _side_by_side(older, newer):
            start = KEY_BYTES if first == 0 else 0  # the header is no key
            if mine == other:
                is_related = is_related or any(mine[start:])
                continue
            for at in range(start, min(len(mine), len(other)) // KEY_BYTES * KEY_BYTES, KEY_BYTES):
                key, found = mine[at : at + KEY_BYTES], other[at : at + KEY_BYTES]
                if key == found:
                    is_related = is_related or key != _DESTROYED
                elif found != _DESTROYED:
                    differing.append(first + at // KEY_BYTES)
    return Kinship(count_keys(older), count_keys(newer), is_related, differing)


def _side_by_side(older: Path, newer: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Both files piece by piece, each with the number of its first slot."""
    with older.open("rb") as mine, newer.open("rb") as other:
        first = 0
        while chunk := mine.read(_CHUNK_BYTES):
            yield first, chunk, other.read(len(chunk))
            first += _CHUNK_BYTES // KEY_BYTES


def sums_of(keys: Path) -> bytes:
    """What ``keys.sums`` holds for a file of subject keys."""
    sums = b"".join(_sums(keys))
    return sums + sha256(sums).digest()


def damaged_slots(folder: Path) -> list[int]:
    """The slots of a copy that are not what was copied, those that were cut off too; 0 is the header.

    None are told of where the copy has no digests, or where these are damaged themselves.

    Raises:
        OSError: the copy cannot be read.
    """
    kept = [sums for name in (SUMS, NEW_SUMS) if (sums := _read(folder / name)) is not None]
    if not kept:
        return []
    found = list(_sums(folder / FILE))
    return min((_differing(sums, found) for sums in kept), key=len)


def _differing(kept: list[bytes], found: list[bytes]) -> list[int]:
    return [slot for slot, (one, other) in enumerate(zip_longest(kept, found)) if one != other]


def _read(path: Path) -> list[bytes] | None:
    if not path.exists():
        return None
    data = path.read_bytes()
    sums, check = data[: -sha256().digest_size], data[-sha256().digest_size :]
    if sha256(sums).digest() != check:
        return None
    return [sums[at : at + _SUM_BYTES] for at in range(0, len(sums), _SUM_BYTES)]


def _sums(keys: Path) -> Iterator[bytes]:
    with keys.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            for at in range(0, len(chunk) // KEY_BYTES * KEY_BYTES, KEY_BYTES):
                yield sha256(chunk[at : at + KEY_BYTES]).digest()[:_SUM_BYTES]

"""Hashes of the record: canonical form, salted commitment, Merkle leaf.

Source: RFC 8785 (canonical JSON), RFC 9162 section 2.1.1 (leaf hash).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from cookiegate.randomness import random_bytes

SALT_BYTES = 16
_LEAF_PREFIX = b"\x00"
_encoder = msgspec.json.Encoder(order="deterministic")


def canonical(record: Mapping[str, Any]) -> bytes:
    """The record as RFC 8785 JSON.

    Args:
        record: ASCII keys; values are strings, integers below 2**53, booleans, None, lists and maps of these. For
            such records the fast encoder gives the bytes of RFC 8785 (held by a property test); floats would not.
    """
    return _encoder.encode(record)


def new_salt() -> bytes:
    """Fresh randomness that hides a record behind its commitment; destroying it erases the record's trace."""
    return random_bytes(SALT_BYTES)


def leaf_hash(salt: bytes, record: bytes) -> bytes:
    """The Merkle leaf over a salted commitment: SHA-256(0x00 || SHA-256(salt || record)), 32 bytes."""
    commitment = hashlib.sha256(salt + record).digest()
    return hashlib.sha256(_LEAF_PREFIX + commitment).digest()

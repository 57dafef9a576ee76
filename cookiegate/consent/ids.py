"""Identifiers of people: random or derived, never telling anything."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode

from cookiegate.randomness import random_bytes

HANDLE_PATTERN = re.compile(r"[A-Za-z0-9_-]{22}")


def new_subject() -> str:
    """A pseudonym of one visitor on one site: 128 random bits, base64url, 22 characters."""
    return urlsafe_b64encode(random_bytes(16))[:22].decode()


def derive_handle(secret: bytes, site: str, idempotency_key: str) -> str:
    """The handle that answers an idempotency key: 128 bits, base64url, 22 characters.

    It is derived, so that a repeated request gets the same cookie although the handle itself is never stored; without
    ``secret`` it is as good as random.

    Source: RFC 7693 (keyed BLAKE2b).
    """
    text = f"{site}\n{idempotency_key}".encode()
    mac = hashlib.blake2b(text, digest_size=16, key=secret, person=b"handle").digest()
    return urlsafe_b64encode(mac)[:22].decode()


def hash_handle(handle: str) -> bytes:
    """What is stored of a handle. It has 128 bits of its own, so a plain hash suffices."""
    return hashlib.sha256(handle.encode()).digest()

"""What a person keeps of a request: its reference, to name it, and its code, to see it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

#: Crockford's base 32: no I, L, O or U to be misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE = re.compile(r"R-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")
_CODE_CHARS = 20
_MISREAD = str.maketrans("ILOU", "110V", "- ")


def new_reference() -> str:
    """A name such as ``R-7K3M-9QXT``: random, but no secret."""
    digits = [secrets.choice(ALPHABET) for _ in range(8)]
    return f"R-{''.join(digits[:4])}-{''.join(digits[4:])}"


def derive_code(secret: bytes, site: str, idempotency_key: str) -> str:
    """The code that answers an idempotency key: 100 bits, such as ``9F2K-…``.

    It is derived, so that a repeated submission is told the same code although only its hash is stored; without
    ``secret`` it is as good as random.

    Source: RFC 7693 (keyed BLAKE2b).
    """
    text = f"{site}\n{idempotency_key}".encode()
    number = int.from_bytes(hashlib.blake2b(text, key=secret, person=b"request-code").digest())
    digits = "".join(ALPHABET[number >> 5 * place & 31] for place in range(_CODE_CHARS))
    return "-".join(digits[at : at + 4] for at in range(0, _CODE_CHARS, 4))


def hash_code(code: str) -> bytes:
    """What is stored of a code. Case, hyphens and letters that look like digits do not matter."""
    return hashlib.sha256(code.upper().translate(_MISREAD).encode("utf-8", "surrogatepass")).digest()


def is_code(code: str, code_hash: bytes) -> bool:
    """Whether this is the code behind a hash, in constant time."""
    return hmac.compare_digest(hash_code(code), code_hash)

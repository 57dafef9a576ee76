"""Base64url without padding, read strictly: one text for one value."""

from __future__ import annotations

import base64
import binascii

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """The unpadded base64url text of ``data``.

    Source: RFC 7515 section 2.
    """
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes behind unpadded base64url ``text``.

    Raises:
        ValueError: for padding, a foreign character, or stray bits after the last byte. A decoder that forgives
            these gives one signature many spellings, and a cache keyed by the text many entries.

    Source: RFC 4648 sections 3.2, 3.3 and 3.5.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data

"""Signs compact tokens. The same record under the same key always gives the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from cookiegate.tokens import base64url
from cookiegate.tokens.jws import ALGORITHM

#: joserfc draws a random nonce; a replayed request must give the very same receipt and token, hence RFC 6979.
_DETERMINISTIC = ECDSA(Prehashed(SHA256()), deterministic_signing=True)
_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private ES256 key and its name."""

    kid: str
    key: ECKey = field(repr=False)
    private: EllipticCurvePrivateKey = field(init=False, repr=False, compare=False)
    _heads: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        private = self.key.private_key
        if private is None:
            raise ValueError("a public key cannot sign")
        object.__setattr__(self, "private", private)

    def head(self, typ: str) -> str:
        """The first segment of every token of this ``typ`` under this key."""
        head = self._heads.get(typ)
        if head is None:
            header = {"alg": ALGORITHM, "kid": self.kid, "typ": typ}
            head = self._heads[typ] = base64url.encode(msgspec.json.encode(header))
        return head


class Unsigned(NamedTuple):
    """A token that waits for its signature: the key, the text so far, and the text's SHA-256."""

    key: SigningKey
    text: str
    digest: bytes


def sign(token: Unsigned) -> str:
    """Signs one token. Equal ones get equal text."""
    r, s = decode_dss_signature(token.key.private.sign(token.digest, _DETERMINISTIC))
    signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
    return f"{token.text}.{base64url.encode(signature)}"


def unsigned_jws(key: SigningKey, typ: str, payload: bytes) -> Unsigned:
    """What :func:`sign_jws` signs."""
    text = f"{key.head(typ)}.{base64url.encode(payload)}"
    return Unsigned(key, text, hashlib.sha256(text.encode("ascii")).digest())


def sign_jws(key: SigningKey, typ: str, payload: bytes | Mapping[str, Any]) -> str:
    """A compact ES256 JWS.

    Args:
        key: the signing key.
        typ: explicit type, such as ``consent+jwt``.
        payload: the bytes to sign, or an object, written with sorted keys so that equal objects give equal tokens.

    Returns:
        The token; equal arguments give equal text.

    Source: RFC 7515 section 7.1, RFC 7518 section 3.4, RFC 6979.
    """
    if not isinstance(payload, bytes):
        payload = msgspec.json.encode(payload, order="sorted")
    return sign(unsigned_jws(key, typ, payload))


class JwsOpening:
    """What many tokens begin with, encoded and hashed once.

    Args:
        key: the signing key.
        typ: their type.
        payload: the first bytes of their payloads; as many as a multiple of three, so that base64 cuts no byte in two.

    Raises:
        ValueError: another number of bytes.
    """

    def __init__(self, key: SigningKey, typ: str, payload: bytes) -> None:
        if len(payload) % 3:
            raise ValueError("the opening of a payload is a multiple of three bytes")
        self.key = key
        self._text = f"{key.head(typ)}.{base64url.encode(payload)}"
        self._hash = hashlib.sha256(self._text.encode("ascii"))

    def unsigned(self, rest: bytes) -> Unsigned:
        """The token whose payload is the opening and ``rest``: signed, it is the text that :func:`sign_jws` gives."""
        closing = base64url.encode(rest)
        hashed = self._hash.copy()
        hashed.update(closing.encode("ascii"))
        return Unsigned(self.key, f"{self._text}{closing}", hashed.digest())

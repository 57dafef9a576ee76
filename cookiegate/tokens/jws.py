"""Opens signed compact tokens strictly. The only algorithm is ES256, the only key is the one that ``kid`` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from cookiegate.tokens import base64url
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.strictjson import read_object

ALGORITHM = "ES256"
HEADER_LIMIT_CHARS = 1024
_KNOWN_HEADS = 64
_ES256 = JWSRegistry(algorithms=[ALGORITHM]).get_alg(ALGORITHM)
#: Extensions that change what is signed, or that demand understanding which we do not have.
_REFUSED_HEADERS = ("crit", "b64")


class PublicKeys:
    """The ES256 keys of a JWKS, by ``kid``.

    Args:
        jwks: a JWK set. Keys that are not EC P-256, have no ``kid`` or are not for signing are left out, as RFC
            7517 section 5 asks.

    Raises:
        ValueError: if it is no JWK set, or one ``kid`` names two keys.
    """

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(listed, list):
            raise ValueError("a JWK set is an object with a list named keys")  # noqa: TRY004  a fault of the document
        self._by_kid: dict[str, ECKey] = {}
        self._by_head: dict[tuple[str, str], ECKey] = {}
        for item in listed:
            self._add(item)

    def __len__(self) -> int:
        return len(self._by_kid)

    def _add(self, item: object) -> None:
        if not isinstance(item, Mapping) or item.get("kty") != "EC" or item.get("crv") != "P-256":
            return
        kid = item.get("kid")
        if not isinstance(kid, str) or item.get("use", "sig") != "sig" or item.get("alg", ALGORITHM) != ALGORITHM:
            return
        if kid in self._by_kid:
            raise ValueError("two keys have the same kid")
        try:
            self._by_kid[kid] = ECKey.import_key({name: item[name] for name in ("kty", "crv", "x", "y")})
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise ValueError("a key of the set cannot be read") from error

    def key_for(self, head: str, typ: str) -> ECKey:
        """The key that a token's first segment names, after every rule about headers.

        ``jwk``, ``jku`` and ``x5u`` are never looked at: a token does not choose its own key.

        Raises:
            Denied: with the rule that was broken.

        Source: RFC 8725 sections 3.1, 3.10 and 3.11; RFC 7515 section 4.1.11.
        """
        known = self._by_head.get((head, typ))
        if known is not None:
            return known
        header = _read_header(head)
        if header.get("alg") != ALGORITHM:
            raise Denied(Reason.ALGORITHM_DENIED)
        if header.get("typ") != typ:
            raise Denied(Reason.TYPE_DENIED)
        kid = header.get("kid")
        key = self._by_kid.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise Denied(Reason.KEY_UNKNOWN)
        # One issuer writes one spelling per key; the bound stops a stranger's spellings from piling up.
        if len(self._by_head) < _KNOWN_HEADS:
            self._by_head[head, typ] = key
        return key


def _read_header(head: str) -> dict[str, Any]:
    if len(head) > HEADER_LIMIT_CHARS:
        raise Denied(Reason.TOKEN_MALFORMED)
    try:
        header = read_object(base64url.decode(head))
    except ValueError as error:
        raise Denied(Reason.TOKEN_MALFORMED) from error
    if any(name in header for name in _REFUSED_HEADERS):
        raise Denied(Reason.TOKEN_MALFORMED)
    return header


def open_jws(text: str, typ: str, keys: PublicKeys) -> bytes:
    """Checks a compact JWS and gives its payload.

    Args:
        text: the token, already capped in size by the caller.
        typ: the one accepted ``typ``, so that one kind of token cannot stand in for another.
        keys: the trusted keys.

    Returns:
        The signed payload, not yet parsed.

    Raises:
        Denied: token_malformed, algorithm_denied, type_denied, key_unknown or signature_invalid.

    Source: RFC 7515 section 5.2, RFC 8725 section 3.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise Denied(Reason.TOKEN_MALFORMED)
    head, body, tail = parts
    key = keys.key_for(head, typ)
    try:
        payload, signature = base64url.decode(body), base64url.decode(tail)
    except ValueError as error:
        raise Denied(Reason.TOKEN_MALFORMED) from error
    if not _ES256.verify(f"{head}.{body}".encode("ascii"), signature, key):
        raise Denied(Reason.SIGNATURE_INVALID)
    return payload

"""Token Status List: one bit per token, published as a signed, compressed list.

Source: IETF Token Status List (draft-ietf-oauth-status-list), sections 4, 5 and 8.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from cookiegate.errors import StatusListError
from cookiegate.tokens import base64url
from cookiegate.tokens.jws import PublicKeys, open_jws
from cookiegate.tokens.reasons import Denied
from cookiegate.tokens.signing import SigningKey, sign_jws
from cookiegate.tokens.strictjson import read_object

STATUS_LIST_TYPE = "statuslist+jwt"
STATUS_LIST_MEDIA_TYPE = "application/statuslist+jwt"
VALID, INVALID, SUSPENDED = 0, 1, 2
LIST_SIZE = 1_048_576
TTL_S = 60
LIFE_S = 3600
#: 134 million one-bit entries; the largest list that a reader unfolds.
INFLATED_LIMIT_BYTES = 16_777_216
SIGNED_LIMIT_BYTES = 16_777_216
#: Level 6 packs 100 million entries in half a second, level 9 in eight, for 14 % less.
_ZLIB_LEVEL = 6
_WIDTHS = (1, 2, 4, 8)


def list_uri(issuer: str, number: int) -> str:
    """The address of a status list of this issuer."""
    return f"{issuer}/status/{number}"


class StatusList:
    """Statuses of one list, packed from the lowest bit up.

    Args:
        size: entries; a multiple of eight.
        bits: bits per entry, 1, 2, 4 or 8. With one bit there is only valid and invalid.
        packed: the packed bytes, if there are some already.
    """

    def __init__(self, size: int = LIST_SIZE, *, bits: int = 1, packed: bytes | None = None) -> None:
        if bits not in _WIDTHS:
            raise ValueError("an entry has 1, 2, 4 or 8 bits")
        if packed is None and (size <= 0 or size % 8):
            raise ValueError("a list has a multiple of eight entries")
        self.bits = bits
        self._per_byte = 8 // bits
        self._mask = (1 << bits) - 1
        self._bytes = bytearray(size * bits // 8) if packed is None else bytearray(packed)

    def __len__(self) -> int:
        return len(self._bytes) * self._per_byte

    def get(self, idx: int) -> int:
        """The status at ``idx``.

        Raises:
            IndexError: outside the list; a reader must then refuse the token.
        """
        if idx < 0:
            raise IndexError(idx)
        place, offset = divmod(idx, self._per_byte)
        return (self._bytes[place] >> (offset * self.bits)) & self._mask

    def find(self, idx: int) -> int | None:
        """The status at ``idx``; None outside the list."""
        # Asked for every event: one expression, no call.
        try:
            byte = self._bytes[idx // self._per_byte]
        except IndexError:
            return None
        return (byte >> (idx % self._per_byte * self.bits)) & self._mask if idx >= 0 else None

    def set(self, idx: int, value: int = INVALID) -> None:
        """Writes a status.

        Raises:
            IndexError: outside the list.
            ValueError: if the value needs more bits than an entry has.
        """
        if idx < 0:
            raise IndexError(idx)
        if not 0 <= value <= self._mask:
            raise ValueError("the status does not fit its bits")
        place, offset = divmod(idx, self._per_byte)
        shift = offset * self.bits
        self._bytes[place] = self._bytes[place] & ~(self._mask << shift) | value << shift

    def join(self, other: StatusList) -> bool:
        """Takes over everything that is set in a list of the same form, unless that lacks something that is set here.

        Returns:
            Whether the two are equal now; if not, nothing was changed.
        """
        if (other.bits, len(other)) != (self.bits, len(self)):
            return False
        mine, theirs = int.from_bytes(self._bytes), int.from_bytes(other.packed())
        if mine & ~theirs:
            return False
        self._bytes[:] = other.packed()
        return True

    def packed(self) -> bytes:
        """A copy of the packed bytes."""
        return bytes(self._bytes)

    def encode(self) -> str:
        """The ``lst`` member: zlib-wrapped DEFLATE, base64url."""
        return base64url.encode(zlib.compress(self.packed(), _ZLIB_LEVEL))


def decode_lst(lst: str, max_bytes: int = INFLATED_LIMIT_BYTES) -> bytes:
    """Unfolds a ``lst`` member, never past the limit.

    Args:
        lst: base64url text.
        max_bytes: largest unfolded size; a bomb is refused after that many bytes, not unfolded.

    Raises:
        ValueError: if it is not exactly one whole zlib stream, or too large.
    """
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(base64url.decode(lst), max_bytes)
    except zlib.error as error:
        raise ValueError("not a zlib stream") from error
    # A stream that ends exactly at the limit may still owe its checksum.
    if not stream.eof and len(data) == max_bytes and not stream.decompress(stream.unconsumed_tail, 1):
        stream.flush()
    if not stream.eof or stream.unused_data:
        raise ValueError("the stream is cut, too large or followed by something")
    return data


def sign_status_list(key: SigningKey, uri: str, statuses: StatusList, issued_at_s: int) -> str:
    """A status list token.

    Args:
        key: the signing key; its set is where readers look it up.
        uri: the list's own address, which the tokens name.
        statuses: the list.
        issued_at_s: now, seconds since 1970.
    """
    payload = {
        "sub": uri,
        "iat": issued_at_s,
        "exp": issued_at_s + LIFE_S,
        "ttl": TTL_S,
        "status_list": {"bits": statuses.bits, "lst": statuses.encode()},
    }
    return sign_jws(key, STATUS_LIST_TYPE, payload)


class _ListClaim(msgspec.Struct, frozen=True):
    bits: int
    lst: str


class _ListClaims(msgspec.Struct, frozen=True):
    sub: str
    iat: int
    exp: int
    status_list: _ListClaim
    ttl: int = TTL_S


@dataclass(frozen=True, slots=True)
class OpenedStatusList:
    """A status list signed by a trusted key. Times are seconds since 1970; ``ttl_s`` is how long to keep it."""

    uri: str
    issued_at_s: int
    expires_at_s: int
    ttl_s: int
    statuses: StatusList


def open_status_list(text: str, keys: PublicKeys, max_bytes: int = INFLATED_LIMIT_BYTES) -> OpenedStatusList:
    """Checks and unfolds a status list token. Whether it is still in force is the caller's to ask.

    Raises:
        StatusListError: with the cause, if anything about it is wrong.

    Source: Token Status List section 8.3.
    """
    text = text.strip()
    if len(text) > SIGNED_LIMIT_BYTES:
        raise StatusListError(f"the status list is larger than {SIGNED_LIMIT_BYTES} bytes")
    try:
        found: dict[str, Any] = read_object(open_jws(text, STATUS_LIST_TYPE, keys))
        claims = msgspec.convert(found, _ListClaims)
        packed = decode_lst(claims.status_list.lst, max_bytes)
        statuses = StatusList(bits=claims.status_list.bits, packed=packed)
    except Denied as error:
        raise StatusListError(f"the status list is refused: {error.reason}", reason=error.reason) from error
    except ValueError as error:
        raise StatusListError("the status list is signed, but its content is not a status list") from error
    return OpenedStatusList(claims.sub, claims.iat, claims.exp, claims.ttl, statuses)

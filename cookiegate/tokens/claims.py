"""What a consent token says, and the stamp that it leaves on an event."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cookiegate.tokens.strictjson import read_object

TOKEN_TYPE = "consent+jwt"  # noqa: S105  a media type
TOKEN_LIMIT_CHARS = 4096

_Text = Annotated[str, Meta(min_length=1, max_length=512)]
#: RFC 6749 section 3.3 scope-tokens with single spaces between them.
_Words = Annotated[str, Meta(max_length=2048, pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$")]
_WordsOrNone = Annotated[str, Meta(max_length=512, pattern=r"^([a-z]+( [a-z]+)*)?$")]
#: Seconds since 1970 that stay exact in every language's numbers.
_Time = Annotated[int, Meta(ge=0, le=2**53)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
#: Base64url of sixteen bytes; the last character carries two bits.
BINDING_PATTERN = r"^[A-Za-z0-9_-]{21}[AQgw]$"
BINDINGS_LIMIT = 8
_Binding = Annotated[str, Meta(pattern=BINDING_PATTERN, max_length=22)]
_Tracker = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
_Bindings = Annotated[dict[_Tracker, _Binding], Meta(min_length=1, max_length=BINDINGS_LIMIT)]
_SHARED = ("iss", "aud", "scope", "acquire")
_SECONDS = ("iat", "exp")


class StatusListRef(msgspec.Struct, frozen=True):
    """A token's place in a status list.

    Source: Token Status List, section 6.2.
    """

    idx: _Count
    uri: _Text


class StatusRef(msgspec.Struct, frozen=True):
    """The ``status`` claim; the list is the only mechanism that is understood."""

    status_list: StatusListRef


class Claims(msgspec.Struct, frozen=True, dict=True):
    """The claims of a consent token; any other claim is ignored.

    ``scope`` (granted purposes, always-on ones first as in the policy) and ``acquire`` (granted categories) are
    space-delimited, because that is the one form that every proxy reads. ``bnd``, where a token has it, binds it to the
    client ids that trackers gave: tracker → :func:`cookiegate.gate.binding.binding_of`.
    """

    iss: _Text
    aud: _Text
    sub: _Text
    iat: _Time
    exp: _Time
    pv: Annotated[int, Meta(ge=1, le=2**53)]
    ep: _Count
    scope: _Words
    acquire: _WordsOrNone
    status: StatusRef
    bnd: _Bindings | UnsetType = UNSET

    @property
    def bindings(self) -> Mapping[str, str]:
        """What the token is bound to, by tracker; nothing for most."""
        return {} if isinstance(self.bnd, UnsetType) else self.bnd

    @property
    def purposes(self) -> frozenset[str]:
        """The granted purposes."""
        return words(self.scope)

    @property
    def categories(self) -> frozenset[str]:
        """The granted acquisition categories."""
        return words(self.acquire)

    @cached_property
    def stamp(self) -> msgspec.Raw:
        """The ``consent`` member of an accepted event, encoded once for all events of this token."""
        return msgspec.Raw(msgspec.json.encode(self.stamped()))

    def stamped(self) -> dict[str, str | int]:
        """The ``consent`` member of an accepted event, so that a sink can later erase by ``sub``."""
        return {"sub": self.sub, "pv": self.pv, "ep": self.ep, "scope": self.scope, "acquire": self.acquire}


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """The words of a space-delimited claim."""
    return frozenset(text.split())


@lru_cache(maxsize=4096)
def _shared_second(at_s: int) -> int:
    return at_s


def read_claims(payload: bytes) -> Claims:
    """Reads the claims of a payload whose signature has been checked.

    Raises:
        ValueError: for anything but one JSON object with every claim in its type: integers where integers are
            due, no key twice, ``exp`` after ``iat``; and for an ``nbf``, which no token of ours has, after ``iat``.

    Source: RFC 7519 section 4, RFC 8725 section 3.
    """
    found = read_object(payload)
    # Thousands of cached tokens share these few texts and seconds.
    for name in _SHARED:
        if type(found.get(name)) is str:
            found[name] = sys.intern(found[name])
    for name in _SECONDS:
        if type(found.get(name)) is int:
            found[name] = _shared_second(found[name])
    claims = msgspec.convert(found, Claims)
    if claims.exp <= claims.iat:
        raise ValueError("exp is not after iat")
    if "nbf" in found and (type(found["nbf"]) is not int or not 0 <= found["nbf"] <= claims.iat):
        raise ValueError("nbf is no time up to iat")
    return claims

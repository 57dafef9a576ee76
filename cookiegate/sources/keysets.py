"""Key sets from files and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cookiegate.errors import SourceUnreadableError
from cookiegate.sources.places import Place
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.strictjson import read_object

JWKS_LIMIT_BYTES = 1_048_576


def read_jwks(place: str) -> dict[str, Any]:
    """A JWK set with at least one usable key, from a file or an http(s) address.

    Raises:
        SourceUnreadableError: naming the place.
    """
    return dict(FollowedKeys(place)())


class FollowedKeys:
    """A key set that is read again when it changed; what :class:`cookiegate.tokens.verifying.Verifier` takes as keys.

    While its place cannot be read, or holds nothing usable, the last good set stays in use.

    Args:
        place: a file or an http(s) address.

    Raises:
        SourceUnreadableError: naming the place, if there is no usable set to begin with.
    """

    def __init__(self, place: str) -> None:
        self.place = Place(place, JWKS_LIMIT_BYTES)
        self._jwks: Mapping[str, Any] = {}
        self.refresh()

    def __call__(self) -> Mapping[str, Any]:
        """The set that counts now: the same object while nothing changed."""
        return self._jwks

    def public(self) -> PublicKeys:
        """The keys of that set."""
        return PublicKeys(self._jwks)

    def refresh(self) -> bool:
        """Looks for another set; whether there was one.

        Raises:
            SourceUnreadableError: naming the place; the last good set stays.
        """
        data = self.place.read()
        if data is None:
            return False
        try:
            jwks = self._usable(data)
        except SourceUnreadableError:
            self.place.forget()
            raise
        if jwks == self._jwks:
            return False
        self._jwks = jwks
        return True

    def _usable(self, data: bytes) -> Mapping[str, Any]:
        name = self.place.name
        try:
            jwks = read_object(data)
            usable = len(PublicKeys(jwks))
        except ValueError as error:
            raise SourceUnreadableError(f"{name} is no JWK set: {error}", source=name) from error
        if not usable:
            raise SourceUnreadableError(f"{name} holds no ES256 signing key with a kid", source=name)
        return jwks

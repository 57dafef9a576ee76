"""Issues consent tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from cookiegate.tokens.claims import TOKEN_TYPE, Claims, StatusListRef, StatusRef
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import Unsigned, sign, unsigned_jws
from cookiegate.tokens.statuslist import list_uri

#: A token outlives its consent by at most this, even where a verifier never hears of a withdrawal.
TOKEN_TTL_LIMIT_S = 900


class IssuedToken(msgspec.Struct, frozen=True):
    """A token and the moment (ms since 1970) from which it is refused."""

    text: str
    expires_at_ms: int


class DraftToken(msgspec.Struct, frozen=True):
    """A token before it is signed, and the moment (ms since 1970) from which it is refused."""

    unsigned: Unsigned
    expires_at_ms: int


class Issuer:
    """Signs grants with the ring's active key.

    Args:
        keyring: the service's keys.
        issuer: public address of the service, without a slash at its end; becomes ``iss``.
        ttl_s: life of a token, 1 to 900 seconds.
    """

    def __init__(self, keyring: KeyRing, issuer: str, ttl_s: int = TOKEN_TTL_LIMIT_S) -> None:
        if not 0 < ttl_s <= TOKEN_TTL_LIMIT_S:
            raise ValueError(f"a token lives 1 to {TOKEN_TTL_LIMIT_S} seconds")
        self._keyring = keyring
        self._issuer = issuer
        self._ttl_s = ttl_s

    def issue(self, **grant: Any) -> IssuedToken:
        """Signs one grant; its arguments are those of :meth:`draft`."""
        draft = self.draft(**grant)
        return IssuedToken(sign(draft.unsigned), draft.expires_at_ms)

    def draft(
        self,
        *,
        site: str,
        sub: str,
        policy_version: int,
        epoch: int,
        scope: Sequence[str],
        acquire: Sequence[str],
        status_list: int,
        status_index: int,
        issued_at_ms: int,
        bindings: Mapping[str, str] | None = None,
    ) -> DraftToken:
        """One grant, to be signed. Equal arguments under one key give the same text: a retry gets its answer again.

        Args:
            site: the site's id; becomes ``aud``.
            sub: the subject, random and of this site only.
            policy_version: version of the policy that the visitor saw.
            epoch: epoch of the consent.
            scope: granted purposes, always-on ones included, in policy order.
            acquire: granted categories, in the standard order.
            status_list: number of the status list.
            status_index: the token's own place in it, never used before.
            issued_at_ms: now; ``iat`` is its whole second.
            bindings: tracker → hash of the client id that the token is bound to.
        """
        issued_at_s = issued_at_ms // 1000
        claims = Claims(
            iss=self._issuer,
            aud=site,
            sub=sub,
            iat=issued_at_s,
            exp=issued_at_s + self._ttl_s,
            pv=policy_version,
            ep=epoch,
            scope=" ".join(scope),
            acquire=" ".join(acquire),
            status=StatusRef(StatusListRef(status_index, list_uri(self._issuer, status_list))),
            bnd=dict(sorted(bindings.items())) if bindings else UNSET,
        )
        unsigned = unsigned_jws(self._keyring.active, TOKEN_TYPE, msgspec.json.encode(claims))
        return DraftToken(unsigned, claims.exp * 1000)

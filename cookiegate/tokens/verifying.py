"""Decides about consent tokens. Nothing that a stranger sends can raise out of here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cookiegate.clock import Clock, SystemClock
from cookiegate.tokens.caching import TwoGenerations
from cookiegate.tokens.claims import TOKEN_LIMIT_CHARS, TOKEN_TYPE, Claims, read_claims
from cookiegate.tokens.jws import PublicKeys, open_jws
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.statuses import EpochSource, StatusSource
from cookiegate.tokens.withdrawals import Withdrawals

#: The issuer allows 900 s; another that rounds its times apart may be off by a little.
LIFETIME_LIMIT_S = 905


class Verdict(msgspec.Struct, frozen=True):
    """What was decided about a token, and why. Claims are there only if it is good."""

    reason: Reason
    claims: Claims | None = None

    @property
    def ok(self) -> bool:
        """Whether the token is good."""
        return self.claims is not None


#: One denial per reason; a denial carries nothing else.
DENIED: Mapping[Reason, Verdict] = {reason: Verdict(reason) for reason in Reason if reason is not Reason.OK}


class Verifier:
    """Checks consent tokens for one audience. Safe for threads.

    Args:
        jwks: a JWK set, or a callable that gives one (the same object while nothing changed).
        audience: the site's id; every other ``aud`` is refused.
        issuer: the one accepted ``iss``; any when None.
        status: where withdrawals are known. None means that no status is checked: a withdrawal then takes up to a
            token's life to be felt.
        epochs: where newer decisions are known.
        withdrawals: where the moments of withdrawals are known, for gates that let older events pass.
        min_policy_version: the oldest policy version whose consents still hold, or a callable that gives it.
        clock: the time.
        leeway_s: tolerated clock difference, seconds.
        cache_size: tokens that are remembered as verified (about 1.2 kB each).
    """

    def __init__(
        self,
        jwks: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
        *,
        audience: str,
        issuer: str | None = None,
        status: StatusSource | None = None,
        epochs: EpochSource | None = None,
        withdrawals: Withdrawals | None = None,
        min_policy_version: int | Callable[[], int] | None = None,
        clock: Clock | None = None,
        leeway_s: int = 60,
        cache_size: int = 50_000,
    ) -> None:
        self.audience = audience
        self._issuer = issuer
        self._status = status
        self._epochs = epochs
        self._withdrawals = withdrawals
        self._oldest = min_policy_version
        self._now_ms = (clock or SystemClock()).now_ms
        self._leeway_s = leeway_s
        self._cache: TwoGenerations[str, Verdict] = TwoGenerations(cache_size)
        self._follow = jwks if callable(jwks) else None
        self._document: Mapping[str, Any] = jwks() if callable(jwks) else jwks
        self._keys = PublicKeys(self._document)
        #: Rises whenever the key set is replaced: what was verified before counts no more.
        self.generation = 0
        #: Whether expiry counts → the second, the oldest policy version, and what tells whether claims stand then.
        self._standing: dict[bool, tuple[int, int, Callable[[Claims], Reason]]] = {}

    def replace_keys(self, jwks: Mapping[str, Any]) -> None:
        """Trusts another key set from now on; what was verified under the old one is forgotten.

        Raises:
            ValueError: if it is no JWK set; the old one stays.
        """
        keys = PublicKeys(jwks)
        # The cache goes with its keys: a verification under way puts its result into the cache it started with.
        self._keys, self._cache, self._document = keys, TwoGenerations(self._cache.size), jwks
        self.generation += 1

    @property
    def jwks(self) -> Mapping[str, Any]:
        """The key set that is trusted now."""
        return self._document

    def verify(self, text: str | None) -> Verdict:
        """Decides about a token, now.

        Signature and claims are checked once per text; time, status, epoch and policy version every time.

        Args:
            text: the compact token; anything that is no token is refused, never raised.
        """
        verdict = self.opened(text)
        claims = verdict.claims
        if claims is None:
            return verdict
        reason = self.standing()(claims)
        return verdict if reason is Reason.OK else DENIED[reason]

    def opened(self, text: Any) -> Verdict:
        """The claims of a token that was issued for this audience, whatever became of them since.

        Whoever asks this must ask :meth:`standing` too, and hold the time of what they have against the claims.
        """
        self.refresh()
        try:
            verdict = self._cache.get(text)
        except TypeError:
            return DENIED[Reason.TOKEN_MALFORMED]
        return self._open(text) if verdict is None else verdict

    @property
    def leeway_s(self) -> int:
        """Tolerated clock difference, seconds."""
        return self._leeway_s

    @property
    def knows_withdrawals(self) -> bool:
        """Whether a token is looked up that has expired: else nobody could tell what became of its consent."""
        return self._status is not None

    @property
    def status_source(self) -> StatusSource | None:
        """Where withdrawals are known; None if no status is checked."""
        return self._status

    def ended_ms(self, claims: Claims) -> int | None:
        """When a withdrawn token's consent ended by its person's own act; None if that is not known here."""
        return None if self._withdrawals is None else self._withdrawals.ended_ms(claims)

    def now_ms(self) -> int:
        """The time by which tokens are judged, milliseconds since 1970."""
        return self._now_ms()

    def refresh(self) -> None:
        """Takes over another key set if ``jwks`` is a callable and has one."""
        if self._follow is not None and (document := self._follow()) is not self._document:
            self.replace_keys(document)

    def standing(self, *, expires: bool = True) -> Callable[[Claims], Reason]:
        """A function that tells whether verified claims stand at this moment, for one event or a batch.

        It looks at time, policy version, status and epoch, and at nothing else: the claims must be verified.

        Args:
            expires: whether a token is refused once it is over now; False for events that may have happened before,
                whose own time is then held against ``exp``.
        """
        now_s = self._now_ms() // 1000
        oldest = self._oldest() if callable(self._oldest) else (self._oldest or 0)
        held = self._standing.get(expires)
        if held is None or held[0] != now_s or held[1] != oldest:
            held = self._standing[expires] = now_s, oldest, self._stands(now_s, oldest, expires)
        return held[2]

    def _stands(self, now_s: int, oldest: int, expires: bool) -> Callable[[Claims], Reason]:
        earliest_exp_s, latest_iat_s = now_s - self._leeway_s, now_s + self._leeway_s
        status = self._status.status if self._status is not None else None
        minimum = self._epochs.minimum if self._epochs is not None else None
        good = Reason.OK

        def stands(claims: Claims) -> Reason:
            if claims.exp <= earliest_exp_s and expires:
                return Reason.TOKEN_EXPIRED
            if claims.iat > latest_iat_s:
                return Reason.TOKEN_NOT_YET_VALID
            if claims.pv < oldest:
                return Reason.POLICY_OUTDATED
            if status is not None:
                place = claims.status.status_list
                found = status(place.uri, place.idx)
                if found or found is None:  # anything but VALID, which is 0
                    return Reason.STATUS_UNAVAILABLE if found is None else Reason.WITHDRAWN
            if minimum is not None and claims.ep < minimum(claims.sub):
                return Reason.EPOCH_STALE
            return good

        return stands

    def _open(self, text: object) -> Verdict:
        """Everything that is decided once per text."""
        cache, keys = self._cache, self._keys
        try:
            token = _token_text(text)
            claims = self._read(token, keys)
        except Denied as denial:
            return DENIED[denial.reason]
        verdict = Verdict(Reason.OK, claims)
        cache.put(token, verdict)
        return verdict

    def _read(self, text: str, keys: PublicKeys) -> Claims:
        payload = open_jws(text, TOKEN_TYPE, keys)
        try:
            claims = read_claims(payload)
        except ValueError as error:
            raise Denied(Reason.CLAIMS_INVALID) from error
        if self._issuer is not None and claims.iss != self._issuer:
            raise Denied(Reason.ISSUER_MISMATCH)
        if claims.aud != self.audience:
            raise Denied(Reason.AUDIENCE_MISMATCH)
        if claims.exp - claims.iat > LIFETIME_LIMIT_S:
            raise Denied(Reason.LIFETIME_TOO_LONG)
        return claims


def _token_text(text: object) -> str:
    if text is None or text == "":
        raise Denied(Reason.TOKEN_MISSING)
    if type(text) is not str:
        raise Denied(Reason.TOKEN_MALFORMED)
    if len(text) > TOKEN_LIMIT_CHARS:
        raise Denied(Reason.TOKEN_OVERSIZED)
    return text


__all__ = ["DENIED", "LIFETIME_LIMIT_S", "Reason", "Verdict", "Verifier"]

"""What one grant allows at one gate: computed once per grant, asked for every field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cookiegate.tokens.claims import Claims

#: The category of what is part of the event itself: allowed with the purpose.
EVENT = "event"
IP = "ip"
IpWhenRefused = Literal["drop", "truncate"]


@dataclass(frozen=True, slots=True, eq=False)
class Allowance:
    """The allowed categories, ``event`` among them, and whether a refused address may stay in part.

    There is one object per grant and gate, so it is compared, and hashed, by identity.
    """

    categories: frozenset[str]
    truncate_ip: bool

    @property
    def ip(self) -> bool:
        """Whether addresses stay whole."""
        return IP in self.categories


@dataclass(frozen=True, slots=True)
class PriorConsent:
    """A sensitive field that passes where its category and one of the purposes are granted (S11)."""

    rule: str
    category: str
    purposes: frozenset[str]


class Allowances:
    """Turns claims into allowances, once per distinct grant.

    Args:
        purpose: the purpose that the gate declares.
        categories: what the policy lets this purpose use; None when no policy is known.
        ip_when_refused: what becomes of an address that is not granted.
        prior: the sensitive fields that a policy lets pass on prior consent.
    """

    _LIMIT = 4096

    def __init__(
        self,
        purpose: str,
        categories: Iterable[str] | None,
        ip_when_refused: IpWhenRefused,
        prior: Iterable[PriorConsent] = (),
    ) -> None:
        self._prior = tuple(prior)
        self._purpose = purpose
        self._narrowed = None if categories is None else frozenset(categories)
        self._truncate = ip_when_refused == "truncate"
        self._known: dict[tuple[str, str], Allowance | None] = {}

    def of(self, claims: Claims) -> Allowance | None:
        """What the claims allow here; None if the declared purpose is not granted."""
        grant = (claims.scope, claims.acquire)
        try:
            return self._known[grant]
        except KeyError:
            return self._learn(grant, claims)

    def _learn(self, grant: tuple[str, str], claims: Claims) -> Allowance | None:
        allowance = None
        if self._purpose in claims.purposes:
            categories = claims.categories if self._narrowed is None else claims.categories & self._narrowed
            granted = categories | {EVENT}
            rules = {item.rule for item in self._prior if item.category in granted and claims.purposes & item.purposes}
            allowance = Allowance(granted | rules, self._truncate)
        # Grants are signed, so their number is the policy's; the bound is for a policy that keeps changing.
        if len(self._known) >= self._LIMIT:
            self._known.clear()
        self._known[grant] = allowance
        return allowance

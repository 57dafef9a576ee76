"""What a gate is made of, as plain data that goes to other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cookiegate.gate.gate import Gate
from cookiegate.policy.document import Policy
from cookiegate.tokens.jws import PublicKeys
from cookiegate.tokens.statuses import StatusBook
from cookiegate.tokens.verifying import Verifier


@dataclass(frozen=True)
class GatePlan:
    """A gate to be made elsewhere.

    Args:
        jwks: the key set.
        audience: the site's id.
        purpose: what the data is collected for.
        statuses: signed status lists, as published; without any, withdrawals are not looked up. They hold for an hour.
        tracker: name of the wire format.
        issuer: the one accepted issuer; any when None.
        policy: narrows to what it says, as :meth:`cookiegate.gate.gate.Gate.for_policy` does.
        options: further arguments of :class:`cookiegate.gate.gate.Gate` where no policy is given.
    """

    jwks: Mapping[str, Any]
    audience: str
    purpose: str
    statuses: tuple[str, ...] = ()
    tracker: str = "plain"
    issuer: str | None = None
    policy: Policy | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Gate:
        """A new gate.

        Raises:
            StatusListError: a list is forged, or has expired.
            ValueError: the key set or an option is not usable.
        """
        book = StatusBook()
        keys = PublicKeys(self.jwks)
        for text in self.statuses:
            book.load(text, keys)
        status = book if self.statuses else None
        verifier = Verifier(self.jwks, audience=self.audience, issuer=self.issuer, status=status)
        if self.policy is not None:
            return Gate.for_policy(verifier, self.policy, tracker=self.tracker, purpose=self.purpose)
        return Gate(verifier, purpose=self.purpose, tracker=self.tracker, **self.options)

    @cached_property
    def gate(self) -> Gate:
        """The one gate of this process, which remembers the tokens that it has verified."""
        return self.make()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "gate"}

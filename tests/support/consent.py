"""A small issuer of real tokens under a frozen clock, for tests of tokens and gates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from cookiegate.clock import FrozenClock
from cookiegate.gate import Gate, Verifier
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.claims import TOKEN_TYPE
from cookiegate.tokens.issuing import Issuer
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.signing import sign_jws
from cookiegate.tokens.statuses import EpochRegister

ISSUER = "https://consent.test"
SUB = "s" * 22


class ConsentService:
    """Keys, issuer, status register and epochs, as a service has them."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock()
        self.ring = KeyRing.open(folder, self.clock)
        self.register = StatusRegister(self.ring, ISSUER, size=1024, clock=self.clock)
        self.register.ensure(1)
        self.epochs = EpochRegister(self.clock)
        self.issuer = Issuer(self.ring, ISSUER)

    def token(
        self,
        *,
        acquire: Sequence[str] = CATEGORIES,
        scope: Sequence[str] = ("security", "analytics"),
        sub: str = SUB,
        site: str = "demo",
        epoch: int = 1,
        idx: int = 7,
        status_list: int = 1,
        policy_version: int = 3,
    ) -> str:
        """A token issued now."""
        return self.issuer.issue(
            site=site,
            sub=sub,
            policy_version=policy_version,
            epoch=epoch,
            scope=scope,
            acquire=acquire,
            status_list=status_list,
            status_index=idx,
            issued_at_ms=self.clock.now_ms(),
        ).text

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token, changed; a claim set to None is left out."""
        now_s = self.clock.now_ms() // 1000
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "demo",
            "sub": SUB,
            "iat": now_s,
            "exp": now_s + 900,
            "pv": 3,
            "ep": 1,
            "scope": "security analytics",
            "acquire": " ".join(CATEGORIES),
            "status": {"status_list": {"idx": 7, "uri": f"{ISSUER}/status/1"}},
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def signed(self, payload: bytes | dict[str, Any], typ: str = TOKEN_TYPE) -> str:
        """Any payload under the active key."""
        data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        return sign_jws(self.ring.active, typ, data)

    def verifier(self, **changes: Any) -> Verifier:
        """A verifier for the site ``demo`` that checks everything."""
        options: dict[str, Any] = {
            "audience": "demo",
            "issuer": ISSUER,
            "status": self.register,
            "epochs": self.epochs,
            "clock": self.clock,
        }
        return Verifier(self.ring.jwks, **(options | changes))

    def gate(self, tracker: str = "plain", **options: Any) -> Gate:
        """A gate for the purpose ``analytics``."""
        return Gate(self.verifier(), **({"purpose": "analytics", "tracker": tracker} | options))

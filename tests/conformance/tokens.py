"""Tokens of every kind, and what a gate must say to each: known from how they are made."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cookiegate.clock import Clock
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens.claims import TOKEN_TYPE
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import SigningKey, sign_jws

PASSED = "passed"
PURPOSE = "analytics"
#: Of the list that the material publishes: withdrawn places are this far from the others.
LIST_SIZE, WITHDRAWN_FROM = 4096, 2048
VISITORS = 200
_UNKNOWN_LIST = 77
_LIFE_S = 900
_OVER_S = -1200  # when a token was issued that is over for five minutes


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an event, and why.

    Args:
        name: which token it carries, as :class:`Tokens` makes it.
        weight: how often it occurs.
        told: ``passed`` or the reason, for an event that tells its time.
        untold: the same for an event that tells none, whose time is that of its receipt.
        at_s: the time that the event tells, seconds from now.
    """

    name: str
    weight: int
    told: str
    untold: str
    at_s: int = -10

    def outcome(self, *, tells_time: bool) -> str:
        """``passed`` or the reason."""
        return self.told if tells_time else self.untold


def _fate(name: str, weight: int, outcome: str) -> Fate:
    return Fate(name, weight, outcome, outcome)


FATES = (
    _fate("granted", 30, PASSED),
    _fate("partly granted", 24, PASSED),
    _fate("purpose only", 6, PASSED),
    Fate("queued", 6, PASSED, "token_expired", at_s=-600),
    Fate("over", 4, "event_too_late", "token_expired", at_s=-100),
    Fate("granted later", 4, "event_too_early", PASSED, at_s=-600),
    _fate("withdrawn", 8, "withdrawn"),
    Fate("withdrawn since", 3, "withdrawn", "withdrawn", at_s=-600),
    _fate("other purpose", 4, "purpose_not_granted"),
    _fate("other site", 4, "audience_mismatch"),
    _fate("other issuer", 2, "issuer_mismatch"),
    _fate("other key", 2, "key_unknown"),
    _fate("forged", 2, "signature_invalid"),
    _fate("garbled", 3, "token_malformed"),
    _fate("missing", 5, "token_missing"),
    _fate("weak algorithm", 1, "algorithm_denied"),
    _fate("other type", 1, "type_denied"),
    _fate("without subject", 1, "claims_invalid"),
    _fate("not yet", 1, "token_not_yet_valid"),
    _fate("lifelong", 1, "lifetime_too_long"),
    _fate("list unknown", 1, "status_unavailable"),
    _fate("bound", 4, PASSED),
    _fate("bound elsewhere", 3, "binding_mismatch"),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """Who issues for whom: ``iss``, ``aud``, and the number of the status list."""

    issuer: str
    audience: str
    status_list: int


class Tokens:
    """Makes the visitors' tokens: one per visitor and fate, so that texts repeat as in life.

    Args:
        folder: a data folder whose keys sign; they are made if there are none.
        stranger: a folder for somebody else's keys.
        terms: who issues for whom.
        clock: the moment of making.
        seed: which visitors there are.
    """

    def __init__(self, folder: Path, stranger: Path, terms: Terms, clock: Clock, seed: int) -> None:
        self.ring = KeyRing.open(folder, clock)
        self._stranger = KeyRing.open(stranger, clock)
        self._terms = terms
        self._now_s = clock.now_ms() // 1000
        self._seed = seed
        self._made: dict[tuple[str, int, str, str], str] = {}

    def text(self, fate: str, visitor: int, tracker: str = "", client_id: str = "") -> str:
        """A visitor's token of a fate; ``tracker`` and ``client_id`` are what it is bound to."""
        is_bound = fate.startswith("bound")
        key = (fate, visitor, tracker, client_id) if is_bound else (fate, visitor, "", "")
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def places(self) -> list[int]:
        """The withdrawn places of the status list."""
        return [WITHDRAWN_FROM + visitor for visitor in range(VISITORS)]

    def _make(self, fate: str, visitor: int, tracker: str, client_id: str) -> str:
        special: Mapping[str, Callable[[], str]] = {
            "missing": str,
            "garbled": lambda: f"a{visitor}.b.c",
            "forged": lambda: self._forged(visitor),
            "weak algorithm": lambda: self._weak(visitor),
            "other key": lambda: self._signed(self._claims("granted", visitor), self._stranger.active),
            "other type": lambda: self._signed(self._claims("granted", visitor), typ="JWT"),
        }
        if fate in special:
            return special[fate]()
        claims = self._claims(fate, visitor)
        if fate.startswith("bound"):
            bound_to = client_id if fate == "bound" else f"not {client_id}"
            claims["bnd"] = {tracker: _binding(self._terms.audience, bound_to)}
        return self._signed(claims)

    def _claims(self, fate: str, visitor: int) -> dict[str, Any]:
        chance = random.Random(f"{self._seed} {fate} {visitor}")
        issued_s = self._now_s + {
            "queued": _OVER_S, "over": _OVER_S, "withdrawn since": _OVER_S, "not yet": 3000, "lifelong": -60,
        }.get(fate, -30)  # fmt: skip
        subject = hashlib.sha256(f"{self._seed} {visitor}".encode()).digest()[:16]
        place = (WITHDRAWN_FROM if fate.startswith("withdrawn") else 0) + visitor
        number = _UNKNOWN_LIST if fate == "list unknown" else self._terms.status_list
        acquire = list(CATEGORIES)
        if fate == "purpose only":
            acquire = []
        elif fate == "partly granted":
            acquire = [item for item in CATEGORIES if chance.random() < 0.5]
        claims: dict[str, Any] = {
            "iss": self._terms.issuer + ("/other" if fate == "other issuer" else ""),
            "aud": "other-site" if fate == "other site" else self._terms.audience,
            "sub": base64.urlsafe_b64encode(subject).decode().rstrip("="),
            "iat": issued_s,
            "exp": issued_s + (86_400 if fate == "lifelong" else _LIFE_S),
            "pv": 3,
            "ep": 1,
            "scope": "security" if fate == "other purpose" else f"security {PURPOSE}",
            "acquire": " ".join(acquire),
            "status": {"status_list": {"idx": place, "uri": f"{self._terms.issuer}/status/{number}"}},
        }
        if fate == "without subject":
            del claims["sub"]
        return claims

    def _signed(self, claims: Mapping[str, Any], key: SigningKey | None = None, typ: str = TOKEN_TYPE) -> str:
        return sign_jws(key or self.ring.active, typ, msgspec.json.encode(claims))

    def _forged(self, visitor: int) -> str:
        """The claims of one token under the signature of another."""
        claims, _, _ = self.text("granted", visitor).rpartition(".")
        return f"{claims}.{self.text('purpose only', visitor).rpartition('.')[2]}"

    def _weak(self, visitor: int) -> str:
        _, claims, _ = self.text("granted", visitor).split(".")
        header = {"alg": "HS256", "typ": TOKEN_TYPE, "kid": self.ring.jwks()["keys"][0]["kid"]}
        parts = (json.dumps(header).encode(), bytes(32))
        first, last = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return f"{first}.{claims}.{last}"


def _binding(audience: str, client_id: str) -> str:
    digest = hashlib.sha256(f"{audience}\n{client_id}".encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

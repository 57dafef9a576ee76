"""A real service, whoever decides there, and tokens of every kind."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.target import Answer, Client
from support.live import ServiceProcess
from support.policies import ORIGIN, demo_yaml
from support.service import AGENT

from cookiegate.tokens import base64url
from cookiegate.tokens.claims import TOKEN_TYPE
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.signing import sign_jws

EVERYTHING = ("ip", "device", "language", "screen", "browsing", "identifier", "other")


@dataclass
class Holder:
    """A visitor who decided, with what they got."""

    consents: Consents
    cookies: dict[str, str]
    token: str

    def withdraw(self) -> None:
        """Takes it all back."""
        self.consents.decide("withdraw", cookies=self.cookies)


class Consents:
    """A real service, and whoever decides there."""

    def __init__(self, folder: Path) -> None:
        policy = folder / "demo.yaml"
        policy.write_text(demo_yaml(ORIGIN), encoding="utf-8")
        limits = dict.fromkeys(("COOKIEGATE_RATE_LIMIT_WRITES", "COOKIEGATE_RATE_LIMIT_TOKENS"), "10000/minute")
        self.process = ServiceProcess(folder, policies=(policy,), **limits)
        self.process.start()
        self.port = self.process.port
        self.keys = KeyRing.open(folder / "data")
        self._notice = self.send("GET", "/v1/sites/demo/notice?lang=en").json["notice"]

    def send(self, *request: Any) -> Answer:
        """One request to the service, on a connection of its own."""
        client = Client(self.port)
        try:
            return client.send(*request)
        finally:
            client.close()

    def decide(self, action: str, *categories: str, cookies: Mapping[str, str] | None = None) -> Answer:
        """A decision: for analytics with these categories, or another action."""
        body: dict[str, Any] = {"notice": self._notice, "action": action}
        if action == "choose":
            body |= {"purposes": {"analytics": True}, "acquire": dict.fromkeys(categories, True)}
        headers = {"Origin": ORIGIN, "User-Agent": AGENT, "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": secrets.token_urlsafe(24)}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = self.send("POST", "/v1/sites/demo/decisions", json.dumps(body).encode(), headers)
        assert answer.status == 201, answer.body
        return answer

    def holder(self, *categories: str) -> Holder:
        """Somebody new who allows analytics and these categories; all when none is named."""
        answer = self.decide("choose", *(categories or EVERYTHING))
        lines = answer.headers.get_all("Set-Cookie") or []
        cookies = dict(line.partition(";")[0].split("=", 1) for line in lines)
        return Holder(self, cookies, answer.json["token"])

    def forged(self, token: str, **changes: Any) -> str:
        """A token with other claims, under the service's own key."""
        claims = json.loads(base64url.decode(token.split(".")[1]))
        return sign_jws(self.keys.active, TOKEN_TYPE, {**claims, **changes})

    def expired(self, token: str) -> str:
        """The same grant, ten minutes too late."""
        now_s = int(time.time())
        return self.forged(token, iat=now_s - 1200, exp=now_s - 600)

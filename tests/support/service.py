"""A service inside the test's own process, spoken to over WSGI."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from werkzeug.test import Client, TestResponse

from cookiegate.clock import FrozenClock
from cookiegate.policy.document import Policy
from cookiegate.policy.publishing import publish
from cookiegate.settings import read_settings
from cookiegate.web.app import create_front
from cookiegate.web.front import Front
from cookiegate.web.service import Service, open_service
from support.policies import ORIGIN, demo_policy
from support.redis_plugin import redis_environ
from support.templates import lay_record

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@dataclass
class Visitor:
    """A browser of one site: it keeps cookies, says where it comes from, and repeats nothing by itself."""

    client: Client
    site: str = "demo"
    origin: str | None = ORIGIN
    agent: str = AGENT
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        """One request."""
        headers = {"User-Agent": self.agent, **({"Origin": self.origin} if self.origin else {}), **self.headers}
        return self.client.open(path, method=method, headers={**headers, **options.pop("headers", {})}, **options)

    def notice(self, lang: str = "en") -> dict[str, Any]:
        """The current notice."""
        answer = self.send("GET", f"/v1/sites/{self.site}/notice", query_string={"lang": lang})
        return dict(answer.get_json())

    def decide(self, action: str, *, key: str | None = None, **body: Any) -> TestResponse:
        """A decision under the current notice."""
        body = {"notice": body.pop("notice", None) or self.notice()["notice"], "action": action, **body}
        return self.post(json.dumps(body).encode(), key=key)

    def post(self, body: bytes, *, key: str | None = None, **headers: str) -> TestResponse:
        """Any bytes as a decision."""
        given = {"Content-Type": "application/json", "Idempotency-Key": key or secrets.token_urlsafe(24)}
        path = f"/v1/sites/{self.site}/decisions"
        return self.send("POST", path, data=body, headers={**given, **headers})

    def cookie(self, name: str) -> str | None:
        """A cookie's value."""
        found = self.client.get_cookie(name)
        return found.value if found else None


@dataclass
class Bench:
    """A service with a frozen clock, and visitors for it."""

    service: Service
    clock: FrozenClock
    folder: Path

    @cached_property
    def front(self) -> Front:
        """The application, made when first asked for."""
        return create_front(self.service)

    def visitor(self, **options: Any) -> Visitor:
        """Someone new."""
        return Visitor(Client(self.front), **options)

    def publish(self, policy: Policy) -> None:
        """Publishes a version and lets the service see it."""
        publish(self.service.storage, policy, self.clock)
        self.service.follow()

    @property
    def count(self) -> int:
        """Decisions in the record."""
        return self.service.storage.count_decisions("demo")


def make_bench(folder: Path, *, policies: tuple[Policy, ...] = (), **environ: str) -> Bench:
    """A fresh service; the demo site's when no policies are given."""
    clock = FrozenClock()
    given = {f"COOKIEGATE_{name}": value for name, value in environ.items()}
    settings = read_settings({**redis_environ(), **given}, data_dir=folder)
    bench = Bench(open_service(lay_record(settings), clock), clock, folder)
    for policy in policies or (demo_policy(),):
        bench.publish(policy)
    return bench

"""Services on machines of their own, and visitors who come to one or the other."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from support.live import ServiceProcess
from support.namespaces import Machine
from support.policies import ORIGIN
from support.postgres import PostgresServer
from support.redis_servers import RedisServer
from support.service import AGENT

ADDRESS = "http://consent.test"
PATIENCE_S = 40.0


@dataclass
class Answer:
    """An answer over HTTP; status 0 when there was none."""

    status: int
    headers: Message = field(default_factory=Message)
    body: bytes = b""

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    def value(self, name: str) -> float:
        """A metric's value, 0 when it is not there."""
        lines = [line for line in self.body.decode().splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split(" ")[1]) if lines else 0.0


class Node:
    """``cookiegate serve`` on a machine of its own, asked from that machine."""

    def __init__(self, machine: Machine, folder: Path, **env: str) -> None:
        self.machine = machine
        self.service = machine.run(ServiceProcess, folder, base_url=ADDRESS, policies=(folder / "demo.yaml",), **env)
        self.service.log = folder / f"{machine.name}.log"

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.machine.run(self.service.start)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, from this node's own machine."""
        return self.machine.run(self._ask, method, path, body, headers)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Host": "consent.test", "Origin": ORIGIN, "User-Agent": AGENT}
        named |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.service.port}{path}", data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
        except OSError:
            return Answer(0)

    def check(self, token: str) -> tuple[int, str]:
        """What its gate says to a token."""
        answer = self.ask("GET", "/gate/check?purpose=analytics", X_Consent_Token=token)
        return answer.status, answer.headers.get("X-Consent-Reason", "")

    def subject(self, token: str) -> str:
        """Whose a token is."""
        answer = self.ask("GET", "/gate/check?purpose=analytics", X_Consent_Token=token)
        return str(answer.headers["X-Consent-Subject"])

    def is_ready(self) -> bool:
        """Whether it says that it is."""
        return self.ask("GET", "/readyz").status == 200

    def metric(self, name: str) -> float:
        """One of its metrics."""
        return self.ask("GET", "/metrics").value(name)


class Visitor:
    """Somebody on the demo site, whose browser comes to whichever node it is sent to."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def decide(self, node: Node, action: str, key: str | None = None) -> Answer:
        """A decision under the current notice; the browser keeps the cookies of the answer."""
        body = {"notice": _notice(node), "action": action}
        key = key or secrets.token_urlsafe(24)
        answer = self.send(node, "POST", "/v1/sites/demo/decisions", body, Idempotency_Key=key)
        if answer.status == 201:
            self.keep(answer)
        return answer

    def keep(self, answer: Answer) -> None:
        """Keeps what the answer sets; emptied cookies are as good as none."""
        for text in answer.headers.get_all("Set-Cookie", []):
            name, _, value = text.partition(";")[0].partition("=")
            self.cookies[name] = value

    def send(self, node: Node, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request with the cookies."""
        return node.ask(method, path, body, Cookie="; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers)


_notices: dict[str, str] = {}


def _notice(node: Node) -> str:
    if "demo" not in _notices:  # all nodes of all tests serve the same policy
        _notices["demo"] = node.ask("GET", "/v1/sites/demo/notice?lang=en").json()["notice"]
    return _notices["demo"]


@dataclass
class Cluster:
    """Everything together."""

    one: Node
    two: Node
    postgres: PostgresServer
    redis: RedisServer
    data: Machine

    def holders(self) -> dict[str, str]:
        """Which process leads each piece of background work, as the record has it."""
        return dict(self.data.run(self.postgres.ask, "SELECT name, holder FROM leases", "consent"))

"""Visitors who decide, change their minds, repeat themselves, and are tracked in between."""

from __future__ import annotations

import base64
import http.client
import json
import random
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from faults.journal import Journal, Told
from faults.target import SITE, Answer, Client, Target

HANDLE = f"cg_handle.{SITE}"
DECISIONS = f"/v1/sites/{SITE}/decisions"
EVENTS = "/collect/plausible/api/event"
AGAIN_S = 0.02
VISITORS_MAX = 200
#: Whoever got no answer, or 503, asks the same again: that is what the widget does.
TRY_AGAIN = (429, 503)


@dataclass(slots=True)
class Visitor:
    """One browser: its cookies."""

    name: str
    handle: str | None = None
    token: str | None = None
    ended: str | None = None


@dataclass(slots=True)
class Seen:
    """What all clients together met besides acknowledgements."""

    refused: int = 0
    broken: int = 0
    slowest_refusal_s: float = 0.0
    taken_at_s: list[float] = field(default_factory=list)
    took_s: list[tuple[float, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Load:
    """Clients, a thread and a connection each, until they are stopped.

    Args:
        target: the service.
        journal: where acknowledgements go.
        clients: how many at a time.
        pace_s: what each waits between two acts.
        names: what the names of its visitors begin with.
    """

    def __init__(
        self, target: Target, journal: Journal, *, clients: int = 4, pace_s: float = 0.0, names: str = ""
    ) -> None:
        self._target = target
        self._journal = journal
        self._pace_s = pace_s
        self._names = names
        self._stopped = threading.Event()
        self._news = threading.Condition()
        self._notice = target.notice()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]
        self.seen = Seen()

    def start(self) -> Load:
        """Begins."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Lets every client finish or give up what it is at; that act stays in doubt."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, more: int, *, since_s: float = 0.0, deadline_s: float = 30.0) -> float:
        """Waits until so many acts were acknowledged that were sent after an instant; when the last of them was taken.

        Raises:
            AssertionError: they were not taken in time.
        """
        with self._news:
            came = self._news.wait_for(lambda: self._count(since_s) >= more, deadline_s)
            assert came, f"{self._count(since_s)} of {more} acts were taken within {deadline_s} s"
            return [at for at, _ in self.seen.took_s if at >= since_s][more - 1]

    def p99_ms(self, from_s: float, to_s: float) -> float:
        """The 99th percentile of acknowledged acts that were taken in a span, milliseconds."""
        took = sorted(took for at, took in self.seen.took_s if from_s <= at < to_s)
        return took[min(len(took) - 1, int(len(took) * 0.99))] * 1000 if took else 0.0

    def _count(self, since_s: float) -> int:
        return sum(1 for at, took in self.seen.took_s if at - took >= since_s)

    def _run(self, number: int) -> None:
        rng, client = random.Random(number), self._target.client()
        visitors: list[Visitor] = []
        serial = 0
        while not self._stopped.wait(self._pace_s):
            serial += 1
            if not visitors or rng.random() < 0.5:
                visitors = [*visitors[-VISITORS_MAX:], Visitor(f"{self._names}{number}-{serial}")]
            visitor = rng.choice(visitors[-20:])
            try:
                self._act(client, rng, visitor)
                if rng.random() < 0.15:
                    self._track(client, visitor, f"event-{number + len(self._names)}-{serial}")
            except (OSError, http.client.HTTPException):  # of what is not repeated
                self.seen.broken += 1
        client.close()

    def _act(self, client: Client, rng: random.Random, visitor: Visitor) -> None:
        if visitor.token is not None:
            action = rng.choice(("withdraw", "withdraw", "choose", "accept"))
        else:
            action = rng.choice(("accept", "accept", "choose", "reject"))
        body: dict[str, Any] = {"notice": self._notice, "action": action}
        if action == "choose":
            body |= {"purposes": {"analytics": rng.random() < 0.8}, "acquire": {"browsing": True, "identifier": True}}
        key, cookies = secrets.token_urlsafe(18), visitor.handle
        answer = self._decide(client, visitor.name, key, json.dumps(body).encode(), cookies)
        if answer is None:
            return
        self._learn(visitor, key, action, answer)
        if rng.random() < 0.1:
            again = self._decide(client, visitor.name, key, json.dumps(body).encode(), cookies)
            if again is not None and again.body != answer.body:
                self.seen.problems.append(f"a repeated {action} got another body")

    def _decide(self, client: Client, visitor: str, key: str, body: bytes, handle: str | None) -> Answer | None:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if handle is not None:
            headers["Cookie"] = f"{HANDLE}={handle}"
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                answer = client.send("POST", DECISIONS, body, headers)
            except (OSError, http.client.HTTPException):
                self._journal.doubt(key, visitor)
                self.seen.broken += 1
                self._stopped.wait(AGAIN_S)
                continue
            took = time.monotonic() - began
            if answer.status == 201:
                with self._news:
                    self.seen.took_s.append((began + took, took))
                    self._news.notify_all()
                return answer
            if answer.status not in TRY_AGAIN:
                self.seen.problems.append(f"a decision got {answer.status}: {answer.body[:200]!r}")
                return None
            if "Retry-After" not in answer.headers:
                self.seen.problems.append(f"{answer.status} without Retry-After")
            self._journal.doubt(key, visitor)
            self.seen.refused += 1
            self.seen.slowest_refusal_s = max(self.seen.slowest_refusal_s, took)
            self._stopped.wait(AGAIN_S)
        return None

    def _learn(self, visitor: Visitor, key: str, action: str, answer: Answer) -> None:
        found = answer.json
        token, ended = found["token"], visitor.token
        # A withdrawal takes the handle away; the record still knows whose it was.
        handle = answer.cookie(HANDLE) or visitor.handle
        told = Told(
            visitor=visitor.name,
            key=key,
            action=action,
            decision=found["decision"]["id"],
            handle=handle,
            epoch=claims_of(token)["ep"] if token else None,
            granted=token is not None,
            receipt=receipt_text(found["receipt"]),
            token=token,
            ended=ended,
        )
        self._journal.acknowledge(told)
        visitor.token, visitor.ended = token, ended or visitor.ended
        visitor.handle = handle if token else None

    def _track(self, client: Client, visitor: Visitor, name: str) -> None:
        """A page view: with the visitor's token, or with the one that they ended."""
        token, allowed = (visitor.token, True) if visitor.token else (visitor.ended, False)
        if token is None:
            return
        if not allowed:
            self._journal.event(name, allowed=False)
        event = {"n": name, "u": "https://shop.example/tea", "d": "shop.example"}
        answer = client.send(
            "POST", EVENTS, json.dumps(event).encode(), {"Content-Type": "text/plain", "X-Consent-Token": token}
        )
        if allowed and answer.status == 202 and "X-Consent-Reason" not in answer.headers:
            self._journal.event(name, allowed=True)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unchecked."""
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def receipt_text(receipt: Any) -> str:
    """A receipt as the answer has it, as text."""
    return receipt if isinstance(receipt, str) else json.dumps(receipt)

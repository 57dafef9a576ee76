"""Seeded lines for two gates: recorded requests and plain events, with tokens of every kind, bent in every way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from support.consent import ISSUER, ConsentService
from support.tracker_fixtures import FIXTURES

from cookiegate.clock import rfc3339
from cookiegate.gate import trackers
from cookiegate.gate.binding import binding_of
from cookiegate.policy.document import CATEGORIES
from verifier.bending import TEXTS, Bender, as_base64

REVOKED, UNKNOWN_LIST = 9, 2
GOOD = 7
CLIENT = "client-1"
_CARRIERS = ("own", "own", "own", "header", "query", "cookie", "both", "elsewhere", "none")
_ENCODINGS = ("gzip", "deflate", "x-gzip", " GZIP ", "br", "identity", "")
_ADDRESSES = {
    "X-Forwarded-For": "203.0.113.9, x, ::1,[2001:db8::5]:1",
    "Forwarded": 'for="[2001:db8::7]:1";by=x, FOR=1.2.3.4',
}
_HEADERS: tuple[dict[str, Any], ...] = (
    _ADDRESSES,
    {"Cookie": "cg_choice=refused.1; a=b"},
    {"X-Real-IP": "198.51.100.1", "SP-Anonymous": "*", "Authorization": "x", "a'\"\n": "b"},
    {"Accept-Language": ["ja", "en"]},
    {"bad": 1},
    {"Content-Type": "text/html"},
    {"Content-Type": "APPLICATION/JSON; charset=x"},
)
_PARTS: tuple[dict[str, Any], ...] = (
    {"method": "post"}, {"method": "PUT"}, {"method": "GET"}, {"method": None}, {"path": "/"}, {"path": ""},
    {"path": "?"}, {"path": "/i"}, {"ip": None}, {"ip": "x"}, {"ip": "2001:db8:1:2::3"}, {"ip": "203.0.113.9:1"},
    {"received_at": None}, {"received_at": "x"}, {"received_at": "2026-11-18T11:00:00Z"}, {"body_base64": "%%"},
    {"received_at": "2027-01-01T00:00:00Z"}, {"received_at": "2026-11-18 11:06:39"}, {"body": 5}, {"body": None},
    {"unknown": {"a": [1, {}]}},
)  # fmt: skip
_QUERIES = ("&a=%zz&b=%e3%81%82+%", "&x=%ff", "&" * 600, "&compression=br", "&compression=gzip-js", "&ct=", "&=&==x")


class Corpus:
    """Makes lines around one service's tokens.

    Args:
        service: issues the tokens; its list 1 has one revoked place, its list 2 is unknown to gates.
        tracker: whose lines.
        seed: the same seed, the same lines, but for the signatures in them.
    """

    def __init__(self, service: ConsentService, tracker: str, seed: int) -> None:
        self._rand = random.Random(seed)
        # An attribute's integer is another type than its double.
        self._bender = Bender(self._rand, whole_floats=tracker != "otlp")
        self._service = service
        service.register.revoke(1, REVOKED)
        self._tokens = list(self._make_tokens())
        self._tracker = tracker
        paths = sorted((FIXTURES / tracker).glob("*.json"))
        self._shapes = [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def _make_tokens(self) -> Iterator[str]:
        """Good ones of several grants and subjects, then every other kind."""
        service, now_s = self._service, self._service.clock.now_ms() // 1000
        for acquire in (CATEGORIES, CATEGORIES[:2], CATEGORIES[3:], ()):
            yield service.token(acquire=acquire, sub=f"{len(acquire)}" * 22)
        yield service.token(scope=("security", "analytics", "advertising"))
        yield service.signed(service.claims(bnd={name: binding_of("demo", CLIENT) for name in ("plain", "snowplow")}))
        yield service.signed(service.claims(iat=now_s - 800, exp=now_s + 100))
        # From here on none is good, some for events of an earlier time.
        for iat, exp in ((-1200, -300), (-930, -30), (30, 900), (100, 900), (-1000, 0)):
            yield service.signed(service.claims(iat=now_s + iat, exp=now_s + exp))
        yield service.token(idx=REVOKED)
        yield service.token(status_list=UNKNOWN_LIST)
        yield service.token(site="other")
        yield service.token(scope=("security",))
        yield service.signed(service.claims(iss=f"{ISSUER}/"))
        yield service.signed(service.claims(), "JWT")
        good = service.token()
        yield from (
            "a.b.c",
            "x" * 5000,
            good[:-3],
            good + "A",
            good.replace(".", ".."),
            f" {good}",
            f"{good} ",
            "é" * 70,
        )

    def lines(self, number: int) -> list[bytes]:
        """So many lines."""
        make = self._plain if self._tracker == "plain" else self._request
        return [make() for _ in range(number)]

    def _token(self) -> str:
        return self._rand.choice(self._tokens[:GOOD] if self._rand.random() < 0.7 else self._tokens)

    def _plain(self) -> bytes:
        names = self._rand.sample(sorted(trackers.find("plain").fields), self._rand.randint(0, 8))
        event = {name: self._bender.value() if self._rand.random() < 0.5 else "text" for name in names}
        for _ in range(self._rand.randint(0, 2)):
            self._bender.change(event)
        if self._rand.random() < 0.3:
            event["time"] = self._service.clock.now_ms() - self._rand.randrange(2_000_000)
        if self._rand.random() < 0.5:
            event["client_id"] = self._rand.choice((CLIENT, "other"))
        if self._rand.random() < 0.9:
            event["consent_token"] = self._token()
        return self._bender.line(_filled(self._bender.dumped(event), self._token()))

    def _request(self) -> bytes:
        shape = self._rand.choice(self._shapes)
        carrier, token = self._rand.choice(_CARRIERS), self._token()
        own = {"own": token, "both": self._token(), "elsewhere": "short"}.get(carrier, "")
        line = {name: value for name, value in shape.items() if name not in ("note", "packing", "fields")}
        line["path"] = _filled(line["path"], own)
        line["headers"] = {name: _filled(value, own) for name, value in line["headers"].items()}
        self._carry(line, carrier, token)
        if isinstance(line["body"], str):
            line["body"] = _filled(self._changed_body(line["body"]), own)
            self._pack(line, shape.get("packing"))
        if self._rand.random() < 0.3:
            self._change_request(line)
        text = self._bender.dumped(line)
        return self._bender.line(text) if self._rand.random() < 0.1 else text.encode()

    def _carry(self, line: dict[str, Any], carrier: str, token: str) -> None:
        if carrier in ("header", "both"):
            line["headers"]["X-Consent-Token"] = token
        if carrier == "query":
            line["path"] += f"{'&' if '?' in line['path'] else '?'}ct={quote(token)}"
        if carrier == "cookie":
            line["headers"]["cookie"] = f'a=b; cg_token="{token}"; sp=1; sp=2; =x; y'

    def _changed_body(self, body: str) -> str:
        chance = self._rand.random()
        if chance < 0.05:
            return self._rand.choice(TEXTS)
        if chance < 0.1 and body:
            return body[: self._rand.randrange(len(body))]
        return self._bender.changed_text(body) if chance < 0.7 else body

    def _pack(self, line: dict[str, Any], packing: str | None) -> None:
        data = line["body"].encode("utf-8", "surrogatepass")
        if packing == "base64 in data":
            line["body"] = f"data={quote(as_base64(data))}"
            return
        encoding = packing or ""
        if packing is None:
            if self._rand.random() < 0.8:
                return
            encoding = line["headers"]["Content-Encoding"] = self._rand.choice(_ENCODINGS)
        line["body"], line["body_base64"] = None, as_base64(self._bender.packed(data, encoding))

    def _change_request(self, line: dict[str, Any]) -> None:
        changes: tuple[Callable[[], Any], ...] = (
            lambda: line.update(self._rand.choice(_PARTS)),
            lambda: line["headers"].update(self._rand.choice(_HEADERS)),
            lambda: line.update(path=line["path"] + ("" if "?" in line["path"] else "?") + self._rand.choice(_QUERIES)),
            lambda: line.update(path=f"/collect/{self._tracker}{line['path']}"),
            lambda: line.update(received_at=rfc3339(self._service.clock.now_ms() - self._rand.randrange(2_000_000))),
            lambda: line.pop("method"),
        )
        self._rand.choice(changes)()


def _filled(text: str, token: str) -> str:
    """A recorded text with a token in its place."""
    return text.replace("{token}", json.dumps(token)[1:-1]).replace("%7Btoken%7D", quote(token))

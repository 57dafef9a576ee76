"""Whole requests, as lines and in parts: what the quick way leaves of them is what the thorough way leaves."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus

import pytest
from support.consent import ConsentService
from support.gates import thorough
from support.tracker_fixtures import Fixture, fixtures

from cookiegate.gate import Gate, TrackerRequest, Verifier, trackers
from cookiegate.gate.request import Filtered, read_line
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens import base64url

_ADDRESSES = (
    "203.0.113.9", "203.0.113.9, 10.0.0.1", "2001:db8::1", "256.1.1.1", "01.2.3.4", " 203.0.113.9", "203.0.113.9:80",
    "[2001:db8::1]:443", "for=203.0.113.9;by=x", 'for="[2001:db8::1]:80"', "for=2001:db8::1", "x", "",
)  # fmt: skip
_COOKIES = (
    "a=b; c=d", "sp=1; x=2", "sp=1;sp=2", "x=1; x=2", "cg_choice=refused.x; a=b", "cg_choice=granted.x", "a", "=b; ;;",
    "sp = 1 ; _ga=GA1", 'sp="q"; b=c', "sp=é", "__eventn_id=1", "sp=1;  ajs_user_id=2\t", "sp=1\x1f; b=2",
)  # fmt: skip
_HEADERS = (
    "Cookie", "cookie", "X-Forwarded-For", "x-real-ip", "Forwarded", "forwarded", "Referer", "referer", "User-Agent",
    "Content-Type", "Content-Encoding", "X-Odd", "x-odd", "X-Consent-Token", "Anonymousid", "x-umami-cache", "É",
    'a"b', "Sec-CH-UA", "Accept", "SP-Anonymous",
)  # fmt: skip
_VALUES = ("text/plain", "gzip", "identity", "", "ja", '"Chromium";v="1"', "é", "a\nb", "\x1f", "x" * 70, "a\\b")
_TIMES = (
    "2026-11-18T11:06:40Z", "2026-11-18T11:06:40.123Z", "2026-11-18T11:06:40.123456Z", "2026-11-18T20:06:40+09:00",
    "2026-11-18T11:06:40.123+09:00", "2026-11-18T11:06:40-00:30", "2026-11-18T11:06:40.1Z", "2026-11-18 11:06:40",
    "2026-11-18T11:06:40", "2026-11-18T11:06:40+24:00", "2026-13-18T11:06:40Z", "2020-01-01T00:00:00Z",
    "2030-01-01T00:00:00Z", "2026-11-18T11:06:40.1234567+09:00", "2026-11-18T11:06:40.+09:00", "x", "", None,
)  # fmt: skip
_PAIRS = ("zz=1", "zz=2", "a%20b=1", "=x", "", "consent_token=x", "en=page_view", "a=%zz", "a=b+c&d=%E3%81%82", "é=1")
_VARIANTS = 150


class _Bent:
    """Recorded requests with something odd in them.

    Args:
        seed: of the choices.
        tokens: good ones, and such that are none.
    """

    def __init__(self, seed: int, tokens: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._tokens = tokens

    def line(self, fixture: Fixture) -> bytes:
        """One line."""
        chance, token = self._random, self._random.choice(self._tokens)
        line: dict[str, Any] = json.loads(fixture.line(token))
        other = chance.choice(self._tokens)
        if isinstance(line.get("body"), str):
            line["body"] = self._body(line["body"], token, other)
        path, mark, query = line["path"].partition("?")
        if mark and chance.random() < 0.4:
            line["path"] = f"{path}?{self._query(query)}"
        elif chance.random() < 0.2:
            own = (
                "ct=",
                "ct",
                "writeKey=x",
                "compression=zip",
                "_=1&a=2",
                f"%63t={token}",
                f"ct={token}",
                f"ct={other}",
            )
            line["path"] = f"{path}?{chance.choice(own)}{'&' * bool(query)}{query}"
        for _ in range(chance.choice([0, 0, 1, 2, 4])):
            self._add_header(line["headers"], token, other)
        line["headers"] = dict(chance.sample([*line["headers"].items()], len(line["headers"])))
        if chance.random() < 0.3:
            line["received_at"] = chance.choice(_TIMES)
        if chance.random() < 0.3:
            line["ip"] = chance.choice([*_ADDRESSES, None])
        if chance.random() < 0.05:
            line[chance.choice(["extra", "body_base64"])] = chance.choice([None, "eA=="])
        return json.dumps(line, ensure_ascii=chance.random() < 0.5).encode()

    def _add_header(self, headers: dict[str, Any], token: str, other: str) -> None:
        chance, name = self._random, self._random.choice(_HEADERS)
        if name.lower() == "cookie":
            carried = chance.choice(["", "", f"; cg_token={token}", f"; cg_token={other}", "; cg_token=x"])
            headers[name] = chance.choice(_COOKIES) + carried
        elif "orwarded" in name or name.endswith("ip"):
            headers[name] = chance.choice(_ADDRESSES)
        else:
            headers[name] = chance.choice([*_VALUES, token, other, f"http://shop.test/?ct={token}"])

    def _body(self, body: str, token: str, other: str) -> str:
        chance = self._random
        if chance.random() < 0.1:
            body = body.replace(token, other, 1)
        if body.startswith(("{", "[")):
            return json.dumps(json.loads(body), ensure_ascii=chance.random() < 0.5)
        if body and chance.random() < 0.6:
            lines = [self._query(line) for line in body.splitlines()]
            return chance.choice(["\n", "\r\n", "\n\n", "\r", " \n", "\n\x0c\n"]).join(lines)
        return body

    def _query(self, query: str) -> str:
        chance, pairs = self._random, query.split("&")
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(pairs))
            name = pairs[place].partition("=")[0]
            value = chance.choice(["", "%20", "%E3%81%82", "%zz", "+", "é", "a%00b", "203.0.113.9", "1795000000000"])
            chance.choice(
                [
                    lambda place=place: pairs.insert(place, pairs[place]),
                    lambda place=place, name=name, value=value: pairs.__setitem__(place, f"{name}={value}"),
                    lambda place=place: pairs.insert(place, chance.choice(_PAIRS)),
                ]
            )()
        return "&".join(pairs)


def _read_pairs(text: str) -> list[tuple[str, Any]]:
    """A query's names and values; documents in base64 as JSON, which either way may spell otherwise."""
    found: list[tuple[str, Any]] = []
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        value = unquote_plus(value)
        found.append((name, json.loads(base64url.decode(value)) if name in ("cx", "ue_px") else value))
    return found


def _read(lines: bytes) -> list[dict[str, Any]]:
    """What lines say, however it is spelled."""
    found = []
    for text in lines.splitlines():
        line = json.loads(text)
        path, _, query = line["path"].partition("?")
        body = line["body"]
        if body:
            body = json.loads(body) if body[0] in "{[" else [_read_pairs(part) for part in body.split("\n")]
        found.append({**line, "path": path, "query": _read_pairs(query), "body": body})
    return found


def _outcome(filtered: Filtered) -> tuple[Any, ...]:
    lines = b"".join(accepted.to_line() for accepted in filtered.accepted)
    rest = [(accepted.claims, accepted.method, accepted.received_at, accepted.ip) for accepted in filtered.accepted]
    return _read(lines), rest, filtered.counts


def _tokens(service: ConsentService) -> list[str]:
    grants = (CATEGORIES, ("browsing",), (), ("device", "ip", "screen"), ("identifier", "language"))
    good = [service.token(acquire=grant, sub=f"{number:022d}") for number, grant in enumerate(grants)]
    return [*good, "eyJ" + "a" * 80, "x"]


@pytest.mark.parametrize("rule", ["drop", "truncate"])
@pytest.mark.parametrize("tracker", [name for name in trackers.NAMES if name != "plain"])
def test_a_bent_request_has_the_same_outcome_both_ways(service: ConsentService, tracker: str, rule: str) -> None:
    quick, slow = (service.gate(tracker, ip_when_refused=rule) for _ in range(2))
    thorough(slow)
    recorded = [fixture for fixture in fixtures() if fixture.tracker == tracker]
    bent = _Bent(len(tracker) + len(rule), _tokens(service))
    accepted = 0
    for number in range(_VARIANTS):
        line = bent.line(recorded[number % len(recorded)])
        for _ in range(2):  # the second time, its token is known
            assert _read(quick.line(line)) == _read(slow.line(line)), line
            assert quick.counts == slow.counts, line
        found, wanted = (gate.filter(read_line(line)) for gate in (quick, slow))
        assert _outcome(found) == _outcome(wanted), line
        accepted += bool(found.accepted)
    assert accepted > _VARIANTS // 5


def _refuse(request: TrackerRequest) -> Filtered:
    raise AssertionError(f"the thorough way was asked about {request.path}")


@pytest.mark.parametrize("fixture", fixtures(), ids=lambda fixture: f"{fixture.tracker}-{fixture.shape}")
def test_a_known_tokens_line_goes_the_quick_way(
    service: ConsentService, fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, token = service.gate(fixture.tracker), service.token()
    line = fixture.line(token)
    first = gate.line(line)
    accepted = gate.filter(fixture.request(token)).accepted
    is_form = any(one.route is not None and one.route.events == "form" for one in accepted)
    if accepted and not is_form and fixture.read.get("packing") is None:
        monkeypatch.setattr(gate, "filter", _refuse)
        assert gate.line(line) == first


def _both(service: ConsentService, tracker: str, request: TrackerRequest, **rules: Any) -> tuple[Filtered, Filtered]:
    quick, slow = (service.gate(tracker, **rules) for _ in range(2))
    return quick.filter(request), thorough(slow).filter(request)


@pytest.mark.parametrize(
    "body", ["", " ", "\n ", "  \t", "\r\n \r\n", "ct&en=page_view", "ct=x&en=page_view", "zz=1\nzz=2"]
)
def test_lines_that_say_nothing_are_read_alike(service: ConsentService, body: str) -> None:
    request = TrackerRequest("POST", "/g/collect?v=2&en=page_view", {"X-Consent-Token": service.token()}, body)
    quick, slow = _both(service, "ga4", request)
    assert _outcome(quick) == _outcome(slow)
    assert [one.events for one in quick.accepted] == [one.events for one in slow.accepted]


def test_a_method_with_a_space_is_no_part_of_an_address(service: ConsentService) -> None:
    body = json.dumps([{"type": "event", "payload": {"consent_token": service.token(), "url": "/"}}])
    for method, path, accepted in (("POST", "/x /y/api/batch", 1), ("POST /x", "/y/api/batch", 0)):
        quick, slow = _both(service, "umami", TrackerRequest(method, path, {}, body), mounts=["/x /y"])
        assert len(quick.accepted) == len(slow.accepted) == accepted


def test_an_age_past_all_numbers_is_no_time(service: ConsentService) -> None:
    path = "/matomo.php?idsite=1&rec=1&cdo=9223372036854775"
    headers = {"X-Consent-Token": service.token()}
    request = TrackerRequest("GET", path, headers, None, received_at="1970-01-01T00:00:00+23:59")
    quick, slow = _both(service, "matomo", request)
    assert quick.counts == slow.counts


def test_a_stranger_does_not_choose_what_is_looked_for_in_texts(service: ConsentService) -> None:
    # Three texts of 4 kB, each looked for at every place of 1 MB: 470 ms, by the thorough way 12.
    path = f"/g/collect?v=2&cid=1&dl={'a' * 1_000_000}&ct={'a' * 4_093}bbb"
    headers = {"X-Consent-Token": "a" * 4_095 + "b", "Cookie": f"cg_token={'a' * 4_094}bb"}
    request = TrackerRequest("POST", path, headers, f"en=page_view&ep.consent_token={service.token()}")
    quick, slow = _both(service, "ga4", request)
    assert quick.accepted[0].kept is not None  # so the quick way did not look
    assert quick.counts == slow.counts


@pytest.mark.parametrize("number", [64, 65])
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_a_header_with_more_addresses_than_proxies_put_there_goes(
    service: ConsentService, name: str, number: int
) -> None:
    value = ", ".join(["for=203.0.113.9" if name == "Forwarded" else "203.0.113.9"] * number)
    body = json.dumps({"n": "pageview", "u": "http://shop.test/", "p": {"consent_token": service.token()}})
    for filtered in _both(service, "plausible", TrackerRequest("POST", "/api/event", {name: value}, body)):
        (accepted,) = filtered.accepted
        assert accepted.headers.get(name.lower()) == (value if number == 64 else None)
        assert filtered.counts.stripped[f"header {name.lower()}"] == (number > 64)


def _with_keys(service: ConsentService, tracker: str) -> Gate:
    """A gate whose keys are replaced by hand."""
    sources = {"status": service.register, "epochs": service.epochs, "clock": service.clock}
    verifier = Verifier(service.ring.jwks(), audience="demo", **sources)
    return Gate(verifier, purpose="analytics", tracker=tracker)


@pytest.mark.parametrize("tracker", ["plain", "plausible", "ga4"])
def test_what_ends_a_token_ends_it_on_the_quick_ways(service: ConsentService, tracker: str) -> None:
    recorded = {fixture.tracker: fixture for fixture in fixtures() if fixture.shape in ("property", "image")}
    for number, end in enumerate(("status", "epoch", "keys")):
        token, gate = service.token(sub=f"{number:022d}", idx=number), _with_keys(service, tracker)
        if tracker == "plain":
            event = json.dumps({"consent_token": token, "url": "/"})
            request, text = TrackerRequest("POST", "/events", {}, event), event.encode()
        else:
            request, text = recorded[tracker].request(token), recorded[tracker].line(token)
        for _ in range(2):  # the second time, it is known
            assert gate.filter(request).accepted
            assert gate.line(text)
        if end == "status":
            service.register.revoke(1, number)
        elif end == "epoch":
            service.epochs.raise_to(f"{number:022d}", 2)
        else:
            gate.verifier.replace_keys({"keys": []})
        assert not gate.filter(request).accepted
        assert not gate.line(text)


def test_threads_that_share_a_gate_take_no_token_whose_key_is_gone(service: ConsentService) -> None:
    gate, (fixture,) = _with_keys(service, "plausible"), [one for one in fixtures() if one.shape == "property"]
    keys, requests = service.ring.jwks(), [fixture.request(service.token(sub=f"{n:022d}", idx=n)) for n in range(20)]
    stopped = threading.Event()
    failed: list[TrackerRequest] = []

    def ask() -> None:
        while not stopped.is_set():
            for request in requests:
                gate.filter(request)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        gate.verifier.replace_keys({"keys": []})
        failed += [request for request in requests if gate.filter(request).accepted]
        gate.verifier.replace_keys(keys)
        failed += [request for request in requests if not gate.filter(request).accepted]
    stopped.set()
    for thread in threads:
        thread.join()
    assert failed == []

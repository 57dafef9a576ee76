"""A real service in front of a real collector: bodies on the wire, in every framing, and how much memory they take."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.collecting import collecting, visitor_of
from support.collectors import Collector
from support.live import ServiceProcess
from support.marked_requests import Choices, everything_in, marked_request
from support.policies import demo_yaml
from support.service import Bench, make_bench
from werkzeug.test import Client

from cookiegate.gate import trackers
from cookiegate.policy.document import CATEGORIES

EVENT = {"n": "pageview", "u": "http://shop.test/marked", "d": "shop.test"}
KEPT = {"n": "pageview", "d": "shop.test"}


@pytest.fixture(scope="module")
def behind() -> Iterator[Collector]:
    with Collector(keeps_bytes=8_000_000) as collector:
        yield collector


@pytest.fixture(scope="module")
def service(behind: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    policy = folder / "demo.yaml"
    more = "collectors:\n  posthog:\n    purpose: analytics"
    text = demo_yaml("http://shop.test", lambda text: text.replace("collectors:", more, 1))
    policy.write_text(text, encoding="utf-8")
    env = {"COOKIEGATE_COLLECT_URL": f"{behind.url}/base", "COOKIEGATE_COLLECT_BATCH_LIMIT_BYTES": "20000000"}
    with ServiceProcess(folder, policies=(policy,), **env) as service:
        yield service


@pytest.fixture(scope="module")
def token(service: ServiceProcess) -> str:
    """A visitor's who granted the language alone."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as line:
        line.request("GET", "/v1/sites/demo/notice")
        notice = json.loads(line.getresponse().read())["notice"]
        choice = {"notice": notice, "action": "choose", "purposes": {"analytics": True}, "acquire": {"language": True}}
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_urlsafe(24)}
        line.request("POST", "/v1/sites/demo/decisions", json.dumps(choice), headers)
        return str(json.loads(line.getresponse().read())["token"])


def send(service: ServiceProcess, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
    """One request."""
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as line:
        is_chunked = "Transfer-Encoding" in given_headers
        line.request("POST", path, body, given_headers, encode_chunked=is_chunked)
        answer = line.getresponse()
        return answer.status, answer.read()


def test_bodies_in_every_framing(service: ServiceProcess, behind: Collector, token: str) -> None:
    data = json.dumps(EVENT).encode()
    chunks = (data[number : number + 7] for number in range(0, len(data), 7))
    framings: list[tuple[Any, dict[str, str]]] = [
        (data, {}),
        (chunks, {"Transfer_Encoding": "chunked"}),
        (gzip.compress(data), {"Content_Encoding": "gzip"}),
        (gzip.compress(data), {}),
    ]
    for body, headers in framings:
        behind.taken.clear()
        assert send(service, "/collect/plausible/api/event", body, X_Consent_Token=token, **headers)[0] == 202
        (taken,) = behind.taken
        assert json.loads(taken.body) == KEPT
        assert (taken.header("Content-Length"), taken.header("Transfer-Encoding")) == (str(taken.size), None)


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 2\r\nContent-Length: 61\r\n", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 61\r\n", b"Content-Length: 2, 61\r\n",
        b"Content-Length: +2\r\n", b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
        b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", b"Content-Length: 999\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ],
)  # fmt: skip
def test_nothing_is_smuggled_to_the_collector(
    service: ServiceProcess, behind: Collector, token: str, lengths: bytes
) -> None:
    behind.taken.clear()
    smuggled = b"POST /collect/plausible/api/event HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\n"
    body = b"{}\r\n0\r\n\r\n" + smuggled + b'{"n":"pv","u":"marked"}'
    head = b"POST /collect/plausible/api/event HTTP/1.1\r\nHost: a\r\nX-Consent-Token: " + token.encode() + b"\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as line:
        line.sendall(head + lengths + b"\r\n" + body)
        line.shutdown(socket.SHUT_WR)
        answer = line.makefile("rb").read()
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 202"))
    for taken in behind.taken:
        assert taken.body == b"{}"
        assert "marked" not in taken.text


def posthog(token: str, count: int) -> bytes:
    """A batch of more than a kilobyte an event."""
    properties = {"consent_token": token, "$browser_language": "ja", "own": "marked" * 120}
    return json.dumps({"api_key": "k", "batch": [{"event": "$pageview", "properties": properties}] * count}).encode()


def peak_kb(service: ServiceProcess) -> int:
    """The most memory that the worker ever had."""
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    lines = [line for pid in children for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_twenty_megabytes_take_no_more_memory_than_one(service: ServiceProcess, behind: Collector, token: str) -> None:
    for _ in range(2):
        assert send(service, "/collect/posthog/batch/", posthog(token, 800))[0] == 202
    before_kb = peak_kb(service)
    behind.taken.clear()
    body = posthog(token, 14_900)
    assert 18_000_000 < len(body) < 20_000_000
    assert send(service, "/collect/posthog/batch/", body)[0] == 202
    assert peak_kb(service) - before_kb < 14_000
    (taken,) = behind.taken
    assert "marked" not in taken.text
    assert len(json.loads(taken.body)["batch"]) == 14_900


def test_past_the_cap_is_a_clear_413(service: ServiceProcess, behind: Collector, token: str) -> None:
    behind.taken.clear()
    status, answer = send(service, "/collect/posthog/batch/", posthog(token, 18_000))
    assert (status, json.loads(answer)["code"]) == (413, "body_too_large")
    assert behind.taken == []


def test_nothing_that_identifies_is_logged(service: ServiceProcess, behind: Collector, token: str) -> None:
    behind.raw = b"garbage\r\n\r\n"
    status, answer = send(service, "/collect/plausible/api/event", json.dumps(EVENT), X_Consent_Token=token)
    behind.raw = None
    assert (status, json.loads(answer)["code"]) == (502, "upstream_unavailable")
    log = service.log.read_text(errors="replace")
    assert not [word for word in (token, "marked", "127.0.0.1:9", "pageview") if word in log]


@pytest.fixture(scope="module")
def before(behind: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A service in this process, before the same collector."""
    policies = (collecting(*trackers.NAMES, ip_when_refused="drop"),)
    options = {"COLLECT_URL": behind.url, "RATE_LIMIT_EVENTS": "100000/minute", "RATE_LIMIT_WRITES": "100000/minute"}
    bench = make_bench(tmp_path_factory.mktemp("bench"), policies=policies, **options)
    yield bench
    bench.service.close()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_s07_a_collector_gets_no_value_of_an_ungranted_field(
    before: Bench, behind: Collector, data: st.DataObject
) -> None:
    tracker = data.draw(st.sampled_from(trackers.NAMES))
    table = trackers.find(tracker)
    choices = Choices(
        kind=data.draw(st.sampled_from(sorted(table.types) or ["pageview"])),
        unknown=["zz"],
        carrier=data.draw(st.sampled_from(["field", "header", "query", "cookie"])),
        token_field=table.token_fields[0],
        packing=data.draw(st.sampled_from(["", "header", "magic"])),
    )
    granted = data.draw(st.sets(st.sampled_from(CATEGORIES)))
    token = str(visitor_of(before, *granted).cookie("cg_token"))
    routes = [route for route in table.routes if len(route.path) > 1]
    request = marked_request(table, data.draw(st.sampled_from(routes)), token, choices)
    line = request.line
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else (line["body"] or "").encode()
    behind.taken.clear()
    Client(before.front, use_cookies=False).open(
        f"/collect/{tracker}{line['path']}",
        method=line["method"],
        headers=line["headers"],
        data=body,
        environ_base={"REMOTE_ADDR": line["ip"]},
    )
    assert behind.taken
    out = "\n".join(found for taken in behind.taken for part in taken.parts for found in everything_in(part))
    policy = before.service.book.current("demo").policy
    purpose = policy.purpose("analytics")
    assert purpose is not None
    allowed = granted & set(purpose.acquire) | {"event"}
    for category, values in request.marks.by_category.items():
        if category not in allowed:
            assert not [value for value in values if value in out], category
    assert token not in out

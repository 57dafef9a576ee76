"""The gate as WSGI and ASGI middleware before a real application on a real server."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.guarded import BATCH_LIMIT_BYTES, ORIGIN, GuardedApp

EVENT = {"n": "pageview", "u": "http://shop.test/marked", "d": "shop.test", "secret": "marked"}
ADDRESS = "203.0.113.77"
CARRIERS = ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Forwarded", "X-Unknown-Client")


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedApp]:
    app = GuardedApp(tmp_path_factory.mktemp("guarded"), request.param)
    yield app
    app.close()


class Answered:
    """An answer, and what the application saw if it was asked."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()
        self.seen = json.loads(self.data) if response.getheader("X-App") and self.data else None


def send(app: GuardedApp, method: str, path: str, body: Any = None, **headers: str) -> Answered:
    """One request; ``_`` in header names means ``-``."""
    data = json.dumps(body).encode() if isinstance(body, dict | list) else body
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)) as connection:
        connection.request(method, path, data, given, encode_chunked="Transfer-Encoding" in given)
        return Answered(connection.getresponse())


def talk(app: GuardedApp, raw: bytes) -> bytes:
    """Bytes on the wire, and all that comes back until the server has nothing more to say."""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while block := line.recv(65_536):
                found += block
        except ConnectionResetError:
            pass
        return found


def test_the_application_sees_only_what_is_granted(app: GuardedApp) -> None:
    token = app.service.token(acquire=["language"])
    headers = {
        "X_Consent_Token": token, "User_Agent": "marked", "Cookie": "a=marked", "Authorization": "marked",
        "X_Consent_Subject": "marked", "Referer": "http://shop.test/marked", "Accept_Language": "ja",
    }  # fmt: skip
    answered = send(app, "POST", f"/api/event?ct={token}&x=marked", EVENT, **headers)
    assert answered.seen is not None
    assert json.loads(answered.seen["body"]) == {"n": "pageview", "d": "shop.test"}
    head = answered.seen["head"]
    assert (head["HTTP_ACCEPT_LANGUAGE"], head["HTTP_X_CONSENT_ACQUIRE"]) == ("ja", "language")
    assert (head["QUERY_STRING"], head["PATH_INFO"]) == ("", "/api/event")
    assert "marked" not in answered.data.decode()
    assert token not in answered.data.decode()
    assert "Set-Cookie" not in answered.headers


@pytest.mark.parametrize("granted", [True, False])
def test_addresses_are_rewritten_wherever_they_are(app: GuardedApp, granted: bool) -> None:
    token = app.service.token(acquire=["ip"] if granted else [])
    for carrier in CARRIERS:
        value = f"for={ADDRESS}" if carrier == "Forwarded" else ADDRESS
        answered = send(app, "POST", "/api/event", EVENT, X_Consent_Token=token, **{carrier: value})
        assert answered.seen is not None
        head = answered.seen["head"]
        expected = ADDRESS if granted else "203.0.113.0"
        found = set(re.findall(r"203\.0\.113\.\d+", answered.data.decode()))
        assert found == (set() if carrier == "X-Unknown-Client" else {expected}), carrier
        assert head["REMOTE_ADDR"] == ("127.0.0.1" if granted else "127.0.0.0")


def test_without_consent_the_application_is_not_asked_and_the_tracker_content(app: GuardedApp) -> None:
    for path, method in (
        ("/api/event", "POST"),
        ("//api/event", "POST"),
        ("/API/event/", "POST"),
        ("/api/event", "PUT"),
    ):
        answered = send(app, method, path, EVENT, Origin=ORIGIN, X_Consent_Token="garbled")
        assert (answered.status, answered.data, answered.seen) == (202, b"ok", None)
        assert answered.headers["X-Consent-Reason"] in ("token_malformed", "tracker_mismatch")
        assert answered.headers["Access-Control-Allow-Origin"] == ORIGIN
    pixel = send(app, "GET", "/count?p=/marked")
    assert (pixel.status, pixel.headers["Content-Type"], pixel.seen) == (200, "image/gif", None)


def test_other_paths_are_untouched(app: GuardedApp) -> None:
    for method in ("POST", "OPTIONS"):
        asked = {"Access_Control_Request_Method": "POST", "Cookie": "a=marked", "User_Agent": "marked"}
        answered = send(app, method, "/login?ct=x&q=marked", b"marked \xff", X_Forwarded_For=ADDRESS, **asked)
        assert answered.seen is not None
        assert answered.seen["body"] == "marked \xff"
        head = answered.seen["head"]
        assert (head["HTTP_COOKIE"], head["HTTP_USER_AGENT"], head["HTTP_X_FORWARDED_FOR"]) == (
            "a=marked", "marked", ADDRESS,
        )  # fmt: skip
        assert head["QUERY_STRING"] == "ct=x&q=marked"
        assert answered.headers["Set-Cookie"] == "own=1"


def test_a_preflight_tells_the_application_what_it_asks_and_no_more(app: GuardedApp) -> None:
    asked = {"Origin": ORIGIN, "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-a"}
    hidden = {"Cookie": "a=marked", "User_Agent": "marked", "X_Forwarded_For": "marked", "Content_Type": "marked"}
    answered = send(app, "OPTIONS", "/api/event?ct=marked&u=marked", b"marked", **asked, **hidden)
    assert answered.seen is not None
    head = answered.seen["head"]
    found = (head["HTTP_ORIGIN"], head["HTTP_ACCESS_CONTROL_REQUEST_METHOD"])
    assert (*found, head["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"]) == (ORIGIN, "POST", "x-a")
    assert (head["PATH_INFO"], head["QUERY_STRING"], answered.seen["size"]) == ("/api/event", "", 0)
    assert "REMOTE_ADDR" not in head
    assert "marked" not in answered.data.decode()


@pytest.mark.parametrize("status", [204, 418, 500])
def test_the_status_of_the_application_is_kept(app: GuardedApp, status: int) -> None:
    answered = send(app, "POST", "/api/event", {"n": f"status {status}"}, X_Consent_Token=app.service.token())
    assert answered.status == status


def test_chunked_and_packed_bodies(app: GuardedApp) -> None:
    token, data = app.service.token(acquire=[]), json.dumps(EVENT).encode()
    chunks = (data[number : number + 7] for number in range(0, len(data), 7))
    sent: list[tuple[Any, dict[str, str]]] = [
        (chunks, {"Transfer_Encoding": "chunked"}),
        (gzip.compress(data), {"Content_Encoding": "gzip"}),
        (gzip.compress(data), {}),
    ]
    for body, headers in sent:
        answered = send(app, "POST", "/api/event", body, X_Consent_Token=token, **headers)
        assert answered.seen is not None
        assert json.loads(answered.seen["body"]) == {"n": "pageview", "d": "shop.test"}
        head = answered.seen["head"]
        assert not {"HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"} & set(head)
        assert (head.get("CONTENT_LENGTH") or head["HTTP_CONTENT_LENGTH"]) == str(answered.seen["size"])
    answered = send(app, "POST", "/api/event", gzip.compress(data)[:-9], X_Consent_Token=token)
    assert (answered.status, answered.headers["X-Consent-Reason"]) == (202, "event_malformed")


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 2\r\nContent-Length: 61\r\n", b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 61\r\n", b"Content-Length: 2, 61\r\n",
        b"Content-Length: +2\r\n", b"Content-Length: 0x2\r\n", b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"Content-Length: 999\r\n",
        b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: \x0bchunked\r\n",
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_reaches_nobody(app: GuardedApp, lengths: bytes) -> None:
    token = app.service.token(acquire=[]).encode()
    smuggled = b"POST /api/event HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n" + b'{"n":"x","u":"marked"}'
    body = b"{}\r\n0\r\n\r\n" + smuggled
    head = b"POST /api/event HTTP/1.1\r\nHost: a\r\nX-Consent-Token: " + token + b"\r\n" + lengths + b"\r\n"
    answer = talk(app, head + body)
    assert b"marked" not in answer
    for part in re.findall(rb'"body": "(.*?)", "size"', answer):
        assert part in (b"{}", b"")


def posthog(token: str, count: int) -> bytes:
    """A batch of a kilobyte an event."""
    properties = {"consent_token": token, "$browser_language": "ja", "own": "marked" * 120}
    return json.dumps({"api_key": "k", "batch": [{"event": "$pageview", "properties": properties}] * count}).encode()


def test_twenty_megabytes_take_no_more_memory_than_one(app: GuardedApp) -> None:
    token = app.service.token(acquire=["language"])
    one = send(app, "POST", "/batch/", posthog(token, 900), Content_Type="application/json")
    body = posthog(token, 16_000)
    assert 18_000_000 < len(body) < BATCH_LIMIT_BYTES
    large = send(app, "POST", "/batch/", body, Content_Type="application/json")
    assert one.seen is not None
    assert large.seen is not None
    stripped = b'{"event":"$pageview","properties":{"$browser_language":"ja"}}'
    assert large.seen["size"] == len(b'{"api_key":"k","batch":[]}') + 16_000 * (len(stripped) + 1) - 1
    assert "marked" not in large.seen["body"]
    assert int(large.headers["X-Peak-Kb"]) - int(one.headers["X-Peak-Kb"]) < 12_000
    again = send(app, "POST", "/batch/", gzip.compress(body, 1), Content_Type="application/json")
    assert again.seen is not None
    assert again.seen["sum"] == large.seen["sum"]


def test_past_the_cap_is_a_clear_413(app: GuardedApp) -> None:
    token = app.service.token()
    bodies = ((posthog(token, 23_000), "/batch/"), (b'{"n":"' + b"x" * 1_100_000 + b'"}', "/api/event"))
    for body, path in bodies:
        answered = send(app, "POST", path, body, X_Consent_Token=token)
        assert (answered.status, json.loads(answered.data)["code"]) == (413, "body_too_large")
        assert answered.seen is None

"""Huge, deep, odd and slow input over real connections: every answer is a refusal, and others are served meanwhile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live import ServiceProcess

from security.addresses import path_of, url_map
from security.attacks import WRITES
from security.outside import accept, fetch, make_process

#: `make fuzz` tries more.
EXAMPLES = 3_000 if os.environ.get("FUZZ_SECONDS") else 60
SLOW_S = 6
SLOW_CONNECTIONS = 250


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A real service."""
    with make_process(tmp_path_factory.mktemp("hostile")) as process:
        yield process


def raw(process: ServiceProcess, data: bytes) -> bytes:
    """Sends bytes as they are and gives the beginning of what comes back; nothing when the line was cut."""
    with socket.create_connection(("127.0.0.1", process.port), timeout=20) as line:
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            return line.recv(4096)
        except OSError:
            return b""


def status_of(answer: bytes) -> int:
    """The status of a raw answer; 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def post(path: str, body: bytes, *more: str, length: int | None = None) -> bytes:
    """A raw POST."""
    head = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*head, *more, "", ""]).encode("latin-1") + body


HUGE_HEADERS = {
    "one of a megabyte": "X-Big: " + "x" * 1_048_576,
    "a cookie of 64 kB": "Cookie: cg_handle.demo=" + "x" * 65_536,
    "two thousand": "\r\n".join(f"X-{number}: x" for number in range(2_000)),
    "a user agent of 32 kB": "User-Agent: Mozilla/5.0 (" + "a" * 32_768,
    "an address line of 64 kB": "X-Forwarded-For: " + "203.0.113.1, " * 5_000,
    "a language of 32 kB": "Accept-Language: " + "en;q=0.1," * 4_000,
    "two lengths": "Content-Length: 5\r\nContent-Length: 6",
    "a length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "a folded line": "X-Fold: a\r\n b",
    "a bare line feed": "X-Bare: a\nX-Forged: b",
    "a null": "X-Null: a\x00b",
    "no colon": "nonsense",
    "a name with a space": "X Bad: a",
}


@pytest.mark.parametrize("name", HUGE_HEADERS)
def test_huge_headers_are_refused_or_ignored(process: ServiceProcess, name: str) -> None:
    for path in ("/preferences/demo", "/gate/check?purpose=analytics", "/w/demo.js"):
        data = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{HUGE_HEADERS[name]}\r\n\r\n"
        assert status_of(raw(process, data.encode("latin-1"))) < 500
    assert fetch(f"{process.base_url}/healthz").status == 200


BODIES = {
    "a megabyte of zeros": bytes(1_100_000),
    "sixteen megabytes": bytes(16 * 1_048_576),
    "a deep list": b"[" * 50_000,
    "a deep object": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "a long number": b'{"epoch":' + b"9" * 60_000 + b"}",
    "a small exponent": b'{"epoch":1e-999999999}',
    "a large exponent": b'{"epoch":1e999999999}',
    "thousands of members": b"{" + b",".join(b'"k%d":1' % number for number in range(6_000)) + b"}",
    "one member ten thousand times": b"{" + b",".join([b'"a":1'] * 9_000) + b"}",
    "bad UTF-8": b'{"notice":"\xff\xfe\xfa"}',
    "a lone surrogate": b'{"notice":"\\ud800"}',
    "nulls": b'{"notice":"\\u0000","action":"\\u0000"}',
    "UTF-16": '{"notice":1}'.encode("utf-16"),
    "nothing": b"",
    "half of it": b'{"notice":',
}
TYPES = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "x/y; " + "z" * 500,
)


@pytest.mark.parametrize("name", BODIES)
def test_huge_and_deep_bodies_are_refused_everywhere(process: ServiceProcess, name: str) -> None:
    body = BODIES[name]
    for cell in sorted(
        cell for cell in url_map() if cell.split(" ")[0] in WRITES and not cell.startswith(("PUT", "PATCH", "DELETE"))
    ):
        path = path_of(cell.split(" ", 1)[1]) + "?purpose=analytics&site=demo"
        for media_type in TYPES[:1] if len(body) > 200_000 else TYPES:
            sent = post(
                path, body, f"Content-Type: {media_type}", "Idempotency-Key: " + "k" * 20, "Sec-Fetch-Site: same-origin"
            )
            assert status_of(raw(process, sent)) < 500, (cell, media_type)
    assert fetch(f"{process.base_url}/healthz").status == 200


@pytest.mark.parametrize(
    "length", ["-1", "99999999999999999999", "0x10", "1e3", "5 ", "+5", "", "18446744073709551616"]
)
def test_a_length_that_is_none_is_refused(process: ServiceProcess, length: str) -> None:
    data = post("/v1/sites/demo/decisions", b"{}", length=0).replace(
        b"Content-Length: 0", f"Content-Length: {length}".encode()
    )
    assert status_of(raw(process, data)) < 500
    assert fetch(f"{process.base_url}/healthz").status == 200


PATHS = st.sampled_from(sorted({cell.split(" ", 1)[1] for cell in url_map()})).map(path_of)
TEXTS = st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1"))


@settings(max_examples=EXAMPLES, deadline=None, derandomize=not os.environ.get("FUZZ_SECONDS"))
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "get", "X" * 40]),
    path=PATHS | st.text("abc/.%;?#\\~{}<>|^`'\"@:é\x7f ", max_size=40).map(lambda text: f"/{text}"),
    query=TEXTS,
    headers=st.dictionaries(
        st.sampled_from(["Cookie", "Origin", "Host", "Accept", "Range", "Content-Type", "X-Consent-Token", "Expect"]),
        TEXTS, max_size=4,
    ),
    body=st.binary(max_size=300),
)  # fmt: skip
def test_random_requests_never_break_the_service(
    process: ServiceProcess, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    lines = [f"{method} {path}?{query} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if "Host" not in headers:
        lines.append("Host: 127.0.0.1")
    answer = raw(process, "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body)
    assert status_of(answer) not in (500, 502, 503)


@pytest.mark.parametrize("how", ["-H", "-B", "-X"])
def test_slow_clients_do_not_keep_others_out(process: ServiceProcess, how: str, tmp_path: Path) -> None:
    """Slow headers, slow bodies, slow readers: a few hundred at once, for a few seconds."""
    accept(process)
    line = ["slowhttptest", how, "-c", str(SLOW_CONNECTIONS), "-r", str(SLOW_CONNECTIONS), "-l", str(SLOW_S), "-i", "1"]
    line += ["-p", "3", "-x", "10", "-t", "POST" if how == "-B" else "GET"]
    line += ["-u", f"{process.base_url}/v1/sites/demo/{'decisions' if how == '-B' else 'notice'}"]
    attack = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    served = []
    while attack.poll() is None:
        served.append(fetch(f"{process.base_url}/healthz").status)
        served.append(json.loads(fetch(f"{process.base_url}/v1/sites/demo/notice").body)["site"])
    attack.wait(30)
    assert len(served) > 4
    assert set(served) == {200, "demo"}
    accept(process)


def test_after_all_of_it_the_log_holds_no_fault(process: ServiceProcess) -> None:
    log = process.log.read_text(errors="replace")
    assert "unexpected_error" not in log
    assert "Traceback" not in log

"""The README's snippets, run as they stand."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support.live import ServiceProcess, free_port
from support.policies import DEMO
from support.service import Visitor

from benchmarks.gate_check import accept

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(text: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 120


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_python_gate_keeps_what_was_granted(visitor: Visitor) -> None:
    grant = {"purposes": {"analytics": True}, "acquire": {"language": True}}
    token = visitor.decide("choose", **grant).get_json()["token"]
    log: list[dict[str, Any]] = []
    jwks = visitor.send("GET", "/.well-known/jwks.json").get_json()
    names = {"jwks": jwks, "token": token, "agent": "Mozilla", "log": log}
    # The service of this test lives in frozen time, and the snippet in ours.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cookiegate.clock.SystemClock.now_ms", lambda _: 1_795_000_000_000)
        exec(compile(block(README, "python"), "README.md", "exec"), names)
    assert [{key for key in event if key != "consent"} for event in log] == [{"event", "language"}]


class _Collector(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def nginx_with(folder: Path, snippet: str) -> Iterator[tuple[int, str]]:
    """Real nginx with a snippet in its server block, the service and a collector behind it."""
    service = ServiceProcess(folder, policies=(DEMO,), COOKIEGATE_TRUSTED_PROXIES="127.0.0.1/32")
    service.start()
    collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    Thread(target=collector.serve_forever, daemon=True).start()
    snippet = snippet.replace("127.0.0.1:8000", f"127.0.0.1:{service.port}")
    snippet = snippet.replace("127.0.0.1:9090", f"127.0.0.1:{collector.server_port}")
    port, folders = free_port(), ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temp = " ".join(f"{name}_temp_path {folder}/{name};" for name in folders)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temp} server {{ listen 127.0.0.1:{port};\n{snippet}\n}} }}"
    )
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port, f"http://127.0.0.1:{service.port}"
    finally:
        process.terminate()
        process.wait(10)
        collector.shutdown()
        collector.server_close()
        service.stop()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            status(port, "/")
        except OSError:
            continue
        return
    raise RuntimeError("nginx did not start")


def status(port: int, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_nginx_gate_lets_only_consent_through(tmp_path: Path) -> None:
    with nginx_with(tmp_path, block(README, "nginx")) as (port, service):
        _only_consent_passes(port, accept(service))


def _only_consent_passes(port: int, token: str) -> None:
    path = "/com.snowplowanalytics.snowplow/i?e=pv"
    assert status(port, path) == 401
    assert status(port, path, X_Consent_Token=token) == 200
    assert status(port, f"{path}&ct={token}") == 200
    assert status(port, path, Cookie=f"cg_token={token}") == 200
    assert status(port, path, X_Consent_Token=token[:-4] + "AAAA") == 401
    assert status(port, f"{path}&ct={token}", X_Consent_Token="garbage") == 401
    assert status(port, "/_consent", X_Consent_Token=token) == 404


def test_behind_nginx_visitors_reach_what_is_theirs_and_slow_ones_block_nobody(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "run-behind-nginx.md").read_text(encoding="utf-8")
    with nginx_with(tmp_path, block(page, "nginx")) as (port, service), ExitStack() as slow:
        for path in (
            "/w/demo.js",
            "/v1/sites/demo/notice",
            "/preferences/demo",
            "/notice/demo",
            "/static/pages/pages.css",
        ):
            assert status(port, path) == 200, path
        for path in ("/static/pages/pages.css", "/.well-known/jwks.json", "/collect/plausible/api/event"):
            assert status(port, path) in (200, 202), path
        for path in ("/metrics", "/gate/check?purpose=analytics", "/healthz"):
            assert status(port, path) == 404, path
        for _ in range(30):  # more than there are threads: a body begins and never ends
            client = slow.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(
                b"POST /v1/sites/demo/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Idempotency-Key: aaaaaaaaaaaaaaaaaaaa\r\nContent-Length: 100\r\n\r\n{"
            )
        assert status(port, "/v1/sites/demo/consent") == 200
        assert accept(service)

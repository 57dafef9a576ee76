"""A real service in its own process, and a page host in front of it that can make it slow or unreachable."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from support.policies import demo_yaml
from support.ports import free_port
from support.redis_plugin import redis_environ

START_TIMEOUT_S = 30.0


class ServiceProcess:
    """``cookiegate serve`` with a data folder of its own; may be killed and started again."""

    def __init__(
        self,
        folder: Path,
        *,
        base_url: str | None = None,
        policies: tuple[Path, ...] = (),
        workers: int = 1,
        **env: str,
    ) -> None:
        self.folder = folder
        self.workers = workers
        self.port = free_port()
        self.base_url = base_url or f"http://127.0.0.1:{self.port}"
        self.policies = policies
        self.env = env
        self.log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.launch()
        self._wait_until_ready()

    def launch(self) -> None:
        """Starts it."""
        command = [sys.executable, "-m", "cookiegate.cli.main", "serve", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder / "data"), "--workers", str(self.workers)]
        for policy in self.policies:
            command += ["--policy", str(policy)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COOKIEGATE_")}
        env = {**kept, **redis_environ(), **self.database(), "COOKIEGATE_BASE_URL": self.base_url, **self.env}
        with self.log.open("ab") as log:
            # A group of its own, to be killed whole; in our session, for the kernel weighs sessions against each other.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=env, process_group=0)

    def database(self) -> dict[str, str]:
        """What names its database, for commands beside it."""
        from support.postgres import database_of, is_asked_for

        return {"COOKIEGATE_DATABASE_URL": database_of(self.folder / "data")} if is_asked_for() else {}

    @property
    def pid(self) -> int:
        """The process that watches the workers."""
        assert self._process is not None
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it answers that it is ready, now."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"the service stopped: {self.log.read_text(errors='replace')}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1):
                    return
            except (OSError, urllib.error.URLError):
                threading.Event().wait(0.05)
        raise RuntimeError(f"the service did not get ready: {self.log.read_text(errors='replace')}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the service and its worker."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if how == signal.SIGKILL:
                os.killpg(process.pid, how)
            else:
                process.send_signal(how)
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


class _Server(ThreadingHTTPServer):
    """Browsers hang up whenever they like: that is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints every other fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Host:
    """A site's own web server: its pages, and everything else passed on to the service, as a reverse proxy does.

    ``delay_s`` makes the service slow; with ``down`` every passed-on connection is cut. ``hits`` lists what came for
    the service as (method, path, body); ``heard`` is called with the headers of every request.
    """

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes, dict[str, str]]] = {}
        self.delay_s = 0.0
        self.down = False
        self.backend_port: int | None = None
        self.hits: list[tuple[str, str, bytes]] = []
        self.heard: Callable[[Message], object] = lambda headers: None
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stops serving."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Keeps the test's output clean."""

            def handle_any(self) -> None:
                host.heard(self.headers)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                if path in host.pages:
                    self._send(200, *host.pages[path])
                elif path == "/favicon.ico":
                    self._send(204, "image/x-icon", b"", {})
                else:
                    self._pass_on(body)

            do_GET = do_POST = do_OPTIONS = do_HEAD = do_PUT = do_DELETE = handle_any  # noqa: N815

            def _send(self, status: int, content_type: str, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def _pass_on(self, body: bytes) -> None:
                host.hits.append((self.command, self.path, body))
                if host.delay_s:
                    host._released.wait(host.delay_s)
                if host.down or host.backend_port is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                connection = http.client.HTTPConnection("127.0.0.1", host.backend_port, timeout=30)
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    data = answer.read()
                except OSError:
                    self._send(502, "text/plain", b"bad gateway", {})
                    return
                finally:
                    connection.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                        self.send_header(name, value)
                if answer.getheader("Transfer-Encoding"):  # it was streamed, and is whole now
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else data)

        return Handler


class LiveService:
    """The demo site as its visitors see it: pages and service under one origin, in a real process."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.host = Host()
        self.folder = folder
        policy = folder / "demo.yaml"
        policy.write_text(demo_yaml(self.host.url), encoding="utf-8")
        generous = {"COOKIEGATE_RATE_LIMIT_WRITES": "10000/minute", "COOKIEGATE_RATE_LIMIT_TOKENS": "10000/minute"}
        self.process = ServiceProcess(folder, base_url=self.host.url, policies=(policy,), **{**generous, **env})
        self.site = "demo"
        self.url = self.host.url
        self._pages = 0

    def start(self) -> None:
        """Makes the service answer (again)."""
        self.process.start()
        self.host.backend_port = self.process.port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Ends the service; pages are still served."""
        self.host.backend_port = None
        self.process.stop()

    def close(self) -> None:
        """Ends everything."""
        self.process.stop()
        self.host.close()

    def slow(self, seconds: float) -> None:
        """Makes every answer of the service wait."""
        self.host.delay_s = seconds

    def cut(self, down: bool = True) -> None:
        """Cuts (or restores) the line to the service without ending it."""
        self.host.down = down

    def page(self, html: str, path: str | None = None, **headers: str) -> str:
        """Serves a page under the site's origin and returns its address; ``_`` in header names means ``-``."""
        self._pages += 1
        path = path or f"/pages/{self._pages}.html"
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        self.host.pages[path] = ("text/html; charset=utf-8", html.encode(), extra)
        return self.url + path

    def file(self, path: str, body: bytes | str, content_type: str = "text/javascript; charset=utf-8") -> str:
        """Serves a file under the site's origin and returns its address."""
        self.host.pages[path] = (content_type, body if isinstance(body, bytes) else body.encode(), {})
        return self.url + path

    def collected(self, tracker: str) -> list[dict[str, Any]]:
        """What the analytics log holds of a tracker: the lines that the gate wrote."""
        days = sorted((self.folder / "data" / "collected" / self.site).glob(f"{tracker}.????-??-??.jsonl"))
        return [json.loads(line) for path in days for line in path.read_text().splitlines()]

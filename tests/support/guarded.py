"""A collector application behind the gate's middleware, served by granian: it answers with all that it saw.

Run as a module's factory in a process of its own; the environment names the keys, the time and the caps.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cookiegate.clock import FrozenClock
from cookiegate.gate import Gate, Verifier
from cookiegate.gate.adapters import asgi, wsgi
from support.consent import ISSUER, ConsentService
from support.ports import free_port
from support.waiting import answers, until

TRACKERS = ("plausible", "posthog", "goatcounter")
ORIGIN = "http://shop.test"
BATCH_LIMIT_BYTES = 25_000_000
SHOWN_BYTES = 20_000
ROOT = Path(__file__).parents[2]


def _gates() -> list[Gate]:
    jwks = json.loads(Path(os.environ["GUARDED_JWKS"]).read_text(encoding="utf-8"))
    verifier = Verifier(jwks, audience="demo", issuer=ISSUER, clock=FrozenClock(int(os.environ["GUARDED_AT_MS"])))
    return [Gate(verifier, tracker=tracker, purpose="analytics", ip_when_refused="truncate") for tracker in TRACKERS]


def make_wsgi() -> wsgi.Application:
    """The application over WSGI."""
    app: wsgi.Application = _echo_wsgi
    for gate in _gates():
        app = wsgi.GateMiddleware(app, gate, batch_limit_bytes=BATCH_LIMIT_BYTES, origins=(ORIGIN,))
    return app


def make_asgi() -> asgi.Application:
    """The application over ASGI."""
    app: asgi.Application = _echo_asgi
    for gate in _gates():
        app = asgi.GateMiddleware(app, gate, batch_limit_bytes=BATCH_LIMIT_BYTES, origins=(ORIGIN,))
    return app


class _Seen:
    """A body, read and not kept."""

    def __init__(self) -> None:
        self.size = 0
        self.shown = b""
        self._sum = hashlib.sha256()

    def add(self, block: bytes) -> None:
        self.size += len(block)
        self.shown += block[: SHOWN_BYTES - len(self.shown)]
        self._sum.update(block)

    def answer(self, head: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of the answer: an event called ``status 418`` is answered by that."""
        told = self.shown.partition(b'"status ')[2][:3]
        peak_kb = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        headers = [("X-App", "yes"), ("X-Peak-Kb", peak_kb), ("Set-Cookie", "own=1"), ("Content-Type", "text/plain")]
        document = {"head": head, "body": self.shown.decode("latin-1"), "size": self.size, "sum": self._sum.hexdigest()}
        status = int(told) if told.isdigit() else 200
        return status, headers, b"" if status == 204 else json.dumps(document).encode()


def _echo_wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    seen = _Seen()
    while block := environ["wsgi.input"].read(65_536):
        seen.add(block)
    head = {name: value for name, value in environ.items() if isinstance(value, str)}
    status, headers, body = seen.answer(head)
    start_response(f"{status} Told", [*headers, ("Content-Length", str(len(body)))])
    return [body]


async def _echo_asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    seen, is_more = _Seen(), True
    while is_more:
        message = await receive()
        seen.add(message.get("body", b""))
        is_more = message.get("more_body", False)
    head = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in scope["headers"]}
    head |= {"PATH_INFO": scope["path"], "QUERY_STRING": scope["query_string"].decode()}
    head |= {"REMOTE_ADDR": scope["client"][0]} if scope.get("client") else {}
    head |= {"rest": repr({name: value for name, value in scope.items() if name != "headers"})}
    status, headers, body = seen.answer(head)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


class GuardedApp:
    """One of the two in a process of its own."""

    def __init__(self, folder: Path, interface: str) -> None:
        self.service = ConsentService(folder)
        self.port = free_port()
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps(self.service.ring.jwks()), encoding="utf-8")
        env = {
            **os.environ, "GUARDED_JWKS": str(jwks), "GUARDED_AT_MS": str(self.service.clock.now_ms()),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        }  # fmt: skip
        command = [sys.executable, "-m", "granian", "--interface", interface, "--port", str(self.port), "--factory"]
        command += ["--no-ws", "--log-level", "error", f"support.guarded:make_{interface}"]
        self.log = folder / "guarded.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")
        return answers(self.port, "/ready", 200)

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(10)

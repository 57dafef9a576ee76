"""The WSGI and the ASGI middleware before applications that write down what they see; both count the same."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from support.applications import Asgi, Wsgi, call_wsgi, in_a_loop, send_asgi

from conformance.material import MARKER, Material, Tally, tally
from cookiegate.gate import TrackerRequest
from cookiegate.gate.adapters import asgi, wsgi


def run(material: Material, folder: Path) -> Tally:
    """Counts by tracker."""
    verifier = material.verifier()
    first, second = {}, {}
    for tracker in material.lines:
        application, other = Wsgi(), Asgi()
        before = wsgi.GateMiddleware(application, material.gate(tracker, verifier))
        before_other = asgi.GateMiddleware(other, material.gate(tracker, verifier))
        lines = [as_line(request) for request in material.requests(tracker)]
        for line in lines:
            call_wsgi(before, line)
        in_a_loop(_send_all(before_other, lines))
        first[tracker], second[tracker] = before.counts, before_other.counts
        assert MARKER not in repr((application.seen, other.seen)), tracker
    assert tally(first) == tally(second)
    return tally(first)


async def _send_all(app: Any, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        await send_asgi(app, line)


def as_line(request: TrackerRequest) -> dict[str, Any]:
    """A request as a line with all of its body in base64."""
    body = request.body.encode() if isinstance(request.body, str) else request.body
    packed = request.body_base64 if body is None else base64.b64encode(body).decode()
    address = {"ip": request.ip} if request.ip is not None else {}
    return {
        "method": request.method, "path": request.path, "headers": dict(request.headers), "body_base64": packed or "",
        **address,
    }  # fmt: skip

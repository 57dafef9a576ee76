"""The WSGI application that a server runs: hot routes at once, everything else through Flask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cookiegate.web.call import Call, Reply, status_line
from cookiegate.web.desk import Desk
from cookiegate.web.routes import GATE_CHECK, match
from cookiegate.web.slow_bodies import BodyPlaces, PatientInput

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
CHECK_PATH = GATE_CHECK.pattern
_BODILESS = ("GET", "HEAD", "OPTIONS")


class Front:
    """Answers hot routes without Flask's routing and contexts.

    Args:
        desk: answers them.
        behind: Flask's application.
        places: for bodies that are being read.
    """

    def __init__(self, desk: Desk, behind: WsgiApp, places: BodyPlaces) -> None:
        self._desk = desk
        self._behind = behind
        self._places = places

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        if path == CHECK_PATH and (quick := self._desk.quick_check(environ)) is not None:
            start_response(*quick)
            return []
        if environ["REQUEST_METHOD"] not in _BODILESS:
            environ["wsgi.input"] = PatientInput(environ["wsgi.input"], self._places)
        found = match(path)
        if found is None:
            return self._behind(environ, start_response)
        route, args = found
        call = Call(environ)
        return send(self._desk.answer(route, call, args), call, start_response)


def send(reply: Reply, call: Call, start_response: StartResponse) -> list[bytes]:
    """Writes a reply to the server."""
    headers = reply.headers
    if reply.status not in (204, 304):
        headers.append(("Content-Length", str(len(reply.body))))
    start_response(status_line(reply.status), headers)
    return [] if call.method == "HEAD" else [reply.body]

"""The demo's WSGI application: the product's own, and around it the shop, the live view and a watching ear."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from cookiegate.policy.notice import negotiate
from cookiegate.settings import Settings
from cookiegate.web.app import create_front
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.demo.sites import CONTENT_POLICY, File, Shop, asset, examples_folder, live_page
from cookiegate.web.demo.watching import LiveView, WatchedSink, read_events
from cookiegate.web.front import StartResponse, WsgiApp, send
from cookiegate.web.logs import configure_logs
from cookiegate.web.service import Service, open_service
from cookiegate.web.visitors import CHOICE, TOKEN, handle_cookie

SITE = "demo"
RUN = "demo_run"
RUN_LIFE_S = 86_400
DECISIONS = f"/v1/sites/{SITE}/decisions"
PREFERENCES = f"/preferences/{SITE}"
COLLECT = "/collect/"


def create_demo(settings: Settings, snowplow: Path | None) -> Demo:
    """The demo over a fresh or kept data folder whose policy is published already.

    Args:
        settings: as for the service.
        snowplow: the unmodified Snowplow tracker; None runs the plain logger.
    """
    configure_logs(settings.log_level)
    service = open_service(settings)
    sink = WatchedSink(service.sink)
    service.sink = sink
    service.start()
    return Demo(service, sink, create_front(service), Shop(examples_folder() / "sites" / "shop", snowplow))


class Demo:
    """Answers the demo's own addresses, and watches the product answer all others.

    Args:
        service: the product's rooms.
        sink: the service's sink, watched.
        product: the product's WSGI application, unchanged.
        shop: the example shop.
    """

    def __init__(self, service: Service, sink: WatchedSink, product: WsgiApp, shop: Shop) -> None:
        self._service = service
        self._sink = sink
        self._product = product
        self._shop = shop
        self._view = LiveView(service.book.current(SITE).policy, service.metrics, service.clock)
        self._run = _run_of(service.settings.data_dir)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        call = Call(environ)
        reply = self._answer(call)
        if reply is not None:
            return send(reply, call, start_response)
        if call.method == "POST" and call.path.startswith(COLLECT):
            return self._collect(call, environ, start_response)
        if call.method == "POST" and call.path in (DECISIONS, PREFERENCES):
            return self._decide(call, environ, start_response)
        return self._product(environ, start_response)

    def _answer(self, call: Call) -> Reply | None:
        """The demo's own pages and files; None for everything that is the product's."""
        if call.path == "/demo/start-over" and call.method == "POST":
            self._view.clear()
            return self._forget(Reply(204))
        if call.method not in ("GET", "HEAD"):
            return None
        if call.path == "/demo/feed":
            after = call.query("after") or ""
            return json_reply(self._view.since(int(after) if after.isdecimal() and len(after) < 10 else 0))
        if call.path == "/demo":
            return Reply(308, b"", [("Location", "/demo/")])
        if call.path == "/demo/":
            return self._live(call)
        name = call.path.removeprefix("/demo/")
        found = asset(name) if name != call.path else self._shop.find(call.path, self._locale(call))
        return None if found is None else _file_reply(found)

    def _live(self, call: Call) -> Reply:
        """The page with both. A choice from another run's record is forgotten, so that the banner shows."""
        locale = self._locale(call)
        notice = self._service.book.notice(SITE, locale).body
        reply = _file_reply(live_page(locale, self._shop.tracker, notice))
        return reply if call.cookie(RUN) == self._run else self._forget(reply)

    def _locale(self, call: Call) -> str:
        policy = self._service.book.current(SITE).policy
        return negotiate(policy, call.query("lang"), call.header("HTTP_ACCEPT_LANGUAGE"))

    def _forget(self, reply: Reply) -> Reply:
        cookies = self._service.cookies
        reply.headers += [cookies.forget(name) for name in (CHOICE, handle_cookie(SITE), TOKEN)]
        # Only the live view gets to see it, so that it is in no event's request.
        reply.add("Set-Cookie", f"{RUN}={self._run}; Path=/demo/; Max-Age={RUN_LIFE_S}; HttpOnly; SameSite=Lax")
        return reply

    def _collect(self, call: Call, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Lets the gate decide, then shows what it wrote into the log, or why it wrote nothing."""
        body = _peek(environ, self._service.settings.collect_limit_bytes)
        tracker = call.path.split("/")[2]
        heard = _Heard(start_response)
        with self._sink.watch() as taken:
            answer = self._product(environ, heard)
        for line in taken:
            address = self._service.clients.address(call) or None
            self._view.logged(tracker, read_events(body), _headers(environ), address, line)
        if not taken and (reason := heard.header("X-Consent-Reason")) is not None:
            self._view.dropped(tracker, reason)
        return answer

    def _decide(self, call: Call, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Lets the product take the decision, then shows what came of it."""
        body = _peek(environ, self._service.settings.body_limit_bytes)
        heard = _Heard(start_response)
        answer = self._product(environ, heard)
        if (choice := heard.cookie(CHOICE)) is not None:
            self._view.decided(_action(body), choice)
        return answer


class _Heard:
    """A ``start_response`` that remembers the headers which it passed on."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        self._headers = headers
        return self._start_response(status, headers, *rest)

    def header(self, name: str) -> str | None:
        """A header of the answer."""
        return next((value for key, value in self._headers if key.lower() == name.lower()), None)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that the answer sets."""
        for key, value in self._headers:
            if key.lower() == "set-cookie" and value.startswith(f"{name}="):
                return value.partition("=")[2].partition(";")[0]
        return None


def _file_reply(file: File) -> Reply:
    headers = [
        ("Content-Type", file.content_type),
        ("Content-Security-Policy", CONTENT_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    ]
    return Reply(200, file.body, headers)


def _peek(environ: dict[str, Any], limit_bytes: int) -> bytes:
    """Reads the body and puts it back. One byte past the limit is enough for the product to refuse it."""
    length = environ.get("CONTENT_LENGTH") or ""
    wanted = min(int(length), limit_bytes + 1) if length.isascii() and length.isdigit() else limit_bytes + 1
    body: bytes = environ["wsgi.input"].read(wanted)
    environ["wsgi.input"] = BytesIO(body)
    return body


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {name[5:].replace("_", "-").lower(): text for name, text in environ.items() if name.startswith("HTTP_")}


def _action(body: bytes) -> str:
    """What was pressed: from the widget's JSON, or the preferences page's form."""
    try:
        read = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return parse_qs(body.decode("ascii", "replace")).get("action", [""])[0]
    return str(read.get("action", "")) if isinstance(read, dict) else ""


def _run_of(data_dir: Path) -> str:
    """A name for this record: browsers that bring another one bring choices that this record does not know."""
    file = data_dir / "demo-run"
    if not file.exists():
        file.write_text(secrets.token_hex(8), encoding="ascii")
    return file.read_text(encoding="ascii").strip()

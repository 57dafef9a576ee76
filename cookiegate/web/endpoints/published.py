"""What anyone may read and cache: the widget, the key set, status lists, the GPC statement."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cookiegate.consent.device import read_device
from cookiegate.errors import NotFoundError
from cookiegate.policy.notice import negotiate
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.service import Service
from cookiegate.web.widgets import Widget

WIDGET_MAX_AGE_S = 300
JWKS_MAX_AGE_S = 300
STATUS_MAX_AGE_S = 5
_DIGEST = re.compile(r"[0-9a-f]{64}")
_JAVASCRIPT = ("Content-Type", "text/javascript; charset=utf-8")
_ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
_BOT_SCRIPT = b"/* no banner for robots */\n"


def get_widget(service: Service, call: Call, site: str, locale: str | None = None) -> Reply:
    """The script tag's file: in the language named by the address, else in one that the visitor reads."""
    published = service.book.current(site)
    if locale is not None and locale not in published.policy.locales:
        raise NotFoundError(f"no such language; offered: {', '.join(published.policy.locales)}")
    if read_device(call.header("HTTP_USER_AGENT")).is_bot:
        return Reply(200, _BOT_SCRIPT, [_JAVASCRIPT, ("Cache-Control", "no-store")])
    chosen = negotiate(published.policy, locale, call.header("HTTP_ACCEPT_LANGUAGE"))
    widget = service.widgets.current(site, chosen)
    vary = "Accept-Encoding" if locale else "Accept-Encoding, Accept-Language"
    caching = f"public, max-age={WIDGET_MAX_AGE_S}, stale-while-revalidate=86400, stale-if-error=604800"
    return _serve(call, widget, vary, caching).add("Content-Language", chosen)


def get_pinned_widget(service: Service, call: Call, site: str, digest: str) -> Reply:
    """The file of exactly this digest, for script tags with ``integrity``; it never changes."""
    widget = service.widgets.pinned(digest) if _DIGEST.fullmatch(digest) else None
    if widget is None:
        raise NotFoundError("no file of this digest was ever served here")
    return _serve(call, widget, "Accept-Encoding", "public, max-age=31536000, immutable")


def _serve(call: Call, widget: Widget, vary: str, caching: str) -> Reply:
    headers = [
        _JAVASCRIPT,
        ("ETag", widget.etag),
        ("Vary", vary),
        ("Cache-Control", caching),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        _ANY_ORIGIN,
    ]
    if widget.etag in (call.header("HTTP_IF_NONE_MATCH") or ""):
        return Reply(304, b"", headers)
    if "gzip" in (call.header("HTTP_ACCEPT_ENCODING") or ""):
        return Reply(200, widget.gzipped, [*headers, ("Content-Encoding", "gzip")])
    return Reply(200, widget.body, headers)


def get_jwks(service: Service, call: Call) -> Reply:
    """The public keys (RFC 7517)."""
    reply = json_reply(service.keyring.jwks(), content_type="application/jwk-set+json")
    reply.headers = [reply.headers[0], ("Cache-Control", f"public, max-age={JWKS_MAX_AGE_S}"), _ANY_ORIGIN]
    return reply


def get_status_list(service: Service, call: Call, number: str) -> Reply:
    """A signed status list (IETF Token Status List)."""
    known = number.isascii() and number.isdigit() and len(number) < 10
    service.insist_on_knowledge()
    signed = service.lists.signed(int(number), service.clock.now_ms()) if known else None
    if signed is None:
        raise NotFoundError("no such status list")
    if call.query("time") is not None:  # the draft: a server without history says so
        return Reply(501, b"", [("Cache-Control", "no-store"), _ANY_ORIGIN])
    return Reply(
        200,
        signed,
        [
            ("Content-Type", "application/statuslist+jwt"),
            ("Cache-Control", f"public, max-age={STATUS_MAX_AGE_S}"),
            _ANY_ORIGIN,
        ],
    )


def get_gpc(service: Service, call: Call) -> Reply:
    """The site's statement on Global Privacy Control (W3C); honest: the signal is not acted upon yet."""
    sites = service.book.sites()
    latest_ms = max((service.book.current(site).published_at_ms for site in sites), default=0)
    updated = datetime.fromtimestamp(latest_ms / 1000, UTC).strftime("%Y-%m-%d")
    reply = json_reply({"gpc": False, "lastUpdate": updated})
    reply.headers = [reply.headers[0], ("Cache-Control", "public, max-age=3600"), _ANY_ORIGIN]
    return reply

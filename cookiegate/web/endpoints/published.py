"""What anyone may read and cache: the widget, the key set, status lists, the GPC statement."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cookiegate.consent.device import read_device
from cookiegate.errors import NotFoundError, SettingsError
from cookiegate.policy.notice import negotiate
from cookiegate.web.bundle import Script
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.codings import IDENTITY, preferred
from cookiegate.web.service import Service
from cookiegate.web.widgets import Widget

WIDGET_MAX_AGE_S = 300
VENDORS_MAX_AGE_S = 3_600
JWKS_MAX_AGE_S = 300
STATUS_MAX_AGE_S = 5
_DIGEST = re.compile(r"[0-9a-f]{64}")
_JAVASCRIPT = ("Content-Type", "text/javascript; charset=utf-8")
_ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
_BOT_SCRIPT = b"/* no banner for robots */\n"


def get_widget(
    service: Service, call: Call, site: str, locale: str | None = None, *, script: Script = "cookiegate"
) -> Reply:
    """The script tag's file: in the language named by the address, else in one that the visitor reads."""
    if locale == "headless":  # Flask finds no difference
        return get_headless(service, call, site)
    published = service.book.current(site)
    if locale is not None and locale not in published.policy.locales:
        raise NotFoundError(f"no such language; offered: {', '.join(published.policy.locales)}")
    if read_device(call.header("HTTP_USER_AGENT")).is_bot:
        return Reply(200, _BOT_SCRIPT, [_JAVASCRIPT, ("Cache-Control", "no-store")])
    chosen = negotiate(published.policy, locale, call.header("HTTP_ACCEPT_LANGUAGE"))
    widget = service.widgets.current(site, chosen, script, service.places.duties(call, published.policy))
    vary = "Accept-Encoding" if locale else "Accept-Encoding, Accept-Language"
    scope = service.places.cache_scope(published.policy)
    caching = f"{scope}, max-age={WIDGET_MAX_AGE_S}, stale-while-revalidate=86400, stale-if-error=604800"
    reply = _serve(call, widget, vary, caching).add("Content-Language", chosen)
    return reply.add("Content-Location", f"/w/{site}@{widget.digest}.js")


def get_headless(service: Service, call: Call, site: str, locale: str | None = None) -> Reply:
    """The same without an interface, for pages that have their own."""
    return get_widget(service, call, site, locale, script="headless")


def get_config(service: Service, call: Call, site: str, locale: str) -> Reply:
    """What the script tag's file holds in another language, for a page that names its own."""
    reply = get_widget(service, call, site, locale, script="config")
    kept = [header for header in reply.headers if header[0] not in ("Content-Type", "Content-Location")]
    reply.headers = [("Content-Type", "application/json"), *kept]
    return reply


def get_pinned_widget(service: Service, call: Call, site: str, digest: str) -> Reply:
    """The file of exactly this digest, for script tags with ``integrity``; it never changes."""
    widget = service.widgets.pinned(digest) if _DIGEST.fullmatch(digest) else None
    if widget is None:
        raise NotFoundError("no file of this digest was ever served here")
    return _serve(call, widget, "Accept-Encoding", "public, max-age=31536000, immutable")


def get_vendor_list(service: Service, call: Call, site: str) -> Reply:
    """The operator's vendor list, cut to the vendors that the policy names: strings of TCF are made from it."""
    tcf = service.book.current(site).policy.tcf
    if tcf is None:
        raise NotFoundError("this site's policy has no vendors")
    try:
        file, packed = service.vendor_list.cut(tcf.vendors)
    except SettingsError as error:
        raise NotFoundError("this service has no vendor list") from error
    caching = f"public, max-age={VENDORS_MAX_AGE_S}, stale-if-error=604800"
    reply = _serve(call, Widget(file.body, file.digest, packed), "Accept-Encoding", caching)
    reply.headers[0] = ("Content-Type", "application/json")
    return reply


def _serve(call: Call, widget: Widget, vary: str, caching: str) -> Reply:
    coding = preferred(call.header("HTTP_ACCEPT_ENCODING"), widget.packed)
    etag = widget.etag(coding)
    headers = [
        _JAVASCRIPT,
        ("ETag", etag),
        ("Vary", vary),
        ("Cache-Control", caching),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        _ANY_ORIGIN,
    ]
    if _names(call.header("HTTP_IF_NONE_MATCH") or "", etag):
        return Reply(304, b"", headers)
    if coding != IDENTITY:
        headers.append(("Content-Encoding", coding))
    return Reply(200, widget.sent_as(coding), headers)


def _names(if_none_match: str, etag: str) -> bool:
    """Whether a client has these very bytes (RFC 9110, section 13.1.2)."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in known or "*" in known


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
    """The statement that Global Privacy Control is acted upon, since the newest policy here.

    Source: W3C, Global Privacy Control, section 4.1.
    """
    sites = service.book.sites()
    latest_ms = max((service.book.current(site).published_at_ms for site in sites), default=0)
    updated = datetime.fromtimestamp(latest_ms / 1000, UTC).strftime("%Y-%m-%d")
    reply = json_reply({"gpc": True, "lastUpdate": updated})
    reply.headers = [reply.headers[0], ("Cache-Control", "public, max-age=3600"), _ANY_ORIGIN]
    return reply

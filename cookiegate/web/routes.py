"""The hot routes, once: the front matches them by hand, Flask publishes the same ones behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cookiegate.web.call import Reply
from cookiegate.web.endpoints import collecting, consents, decisions, gates, published, records, requests, tokens

Endpoint = Callable[..., Reply]
AllowanceName = Literal["writes", "tokens", "events", "requests"]


@dataclass(frozen=True, slots=True)
class Route:
    """One address. ``pattern`` is Flask's, ``allowance`` names the rate limit, ``cors`` needs ``site`` in the path."""

    pattern: str
    methods: tuple[str, ...]
    endpoint: Endpoint
    cors: bool = False
    allowance: AllowanceName | None = None

    @property
    def name(self) -> str:
        """The label of metrics and logs."""
        return self.pattern

    @property
    def allowed(self) -> str:
        """The ``Allow`` header."""
        methods = {*self.methods, "OPTIONS"} | ({"HEAD"} if "GET" in self.methods else set())
        return ", ".join(sorted(methods))


GET = ("GET",)
EVERY = ("GET", "POST", "PUT", "PATCH", "DELETE")

DECISIONS = Route("/v1/sites/<site>/decisions", ("POST",), decisions.post_decision, cors=True, allowance="writes")
TOKEN = Route("/v1/sites/<site>/token", ("POST",), tokens.post_token, cors=True, allowance="tokens")
CONSENT = Route("/v1/sites/<site>/consent", GET, consents.get_consent, cors=True)
REQUESTS = Route("/v1/sites/<site>/requests", ("POST",), requests.post_request, cors=True, allowance="requests")
REQUEST = Route("/v1/sites/<site>/requests/<reference>", GET, requests.get_request, cors=True, allowance="tokens")
NOTICE = Route("/v1/sites/<site>/notice", GET, consents.get_notice, cors=True)
VENDORS = Route("/v1/sites/<site>/list", GET, published.get_vendor_list)
WIDGET = Route("/w/<site>.js", GET, published.get_widget)
WIDGET_IN = Route("/w/<site>.<locale>.js", GET, published.get_widget)
HEADLESS = Route("/w/<site>.headless.js", GET, published.get_headless)
HEADLESS_IN = Route("/w/<site>.headless.<locale>.js", GET, published.get_headless)
WIDGET_CONFIG = Route("/w/<site>.<locale>.json", GET, published.get_config)
WIDGET_PINNED = Route("/w/<site>@<digest>.js", GET, published.get_pinned_widget)
JWKS = Route("/.well-known/jwks.json", GET, published.get_jwks)
GPC = Route("/.well-known/gpc.json", GET, published.get_gpc)
STATUS = Route("/status/<number>", GET, published.get_status_list)
GATE_CHECK = Route("/gate/check", EVERY, gates.check)
GATE_STRIP = Route("/gate/strip/<tracker>", ("POST",), gates.strip)
COLLECT = Route("/collect/<tracker>/<path:rest>", EVERY, collecting.collect, allowance="events")
RECORD = Route("/v1/sites/<site>/record", ("GET", "POST"), records.read_record, cors=True, allowance="writes")
RECORD_ACT = Route("/v1/sites/<site>/record/<act>", ("POST",), records.act_on_record, cors=True, allowance="writes")

ROUTES = (
    DECISIONS, TOKEN, CONSENT, NOTICE, VENDORS, WIDGET, WIDGET_IN, HEADLESS, HEADLESS_IN, WIDGET_CONFIG, WIDGET_PINNED,
    JWKS, GPC, STATUS, GATE_CHECK, GATE_STRIP, COLLECT, REQUESTS, REQUEST, RECORD, RECORD_ACT,
)  # fmt: skip

_SITE_ROUTES = {"decisions": DECISIONS, "token": TOKEN, "consent": CONSENT, "notice": NOTICE, "list": VENDORS}
_EXACT = {"/.well-known/jwks.json": JWKS, "/.well-known/gpc.json": GPC, "/gate/check": GATE_CHECK}
Match = tuple[Route, dict[str, str]]


def match(path: str) -> Match | None:
    """The hot route of a path and its arguments, or None when Flask is to answer."""
    route = _EXACT.get(path)
    if route is not None:
        return route, {}
    parts = path.split("/")
    if len(parts) == 5 and parts[1] == "v1" and parts[2] == "sites" and parts[3] and parts[4] in _SITE_ROUTES:
        return _SITE_ROUTES[parts[4]], {"site": parts[3]}
    if len(parts) == 3 and parts[1] == "w" and parts[2].endswith(".js"):
        return _match_widget(parts[2][:-3])
    if len(parts) == 3 and parts[1] == "w" and parts[2].endswith(".json"):
        site, _, locale = parts[2][:-5].partition(".")
        return (WIDGET_CONFIG, {"site": site, "locale": locale}) if site and locale else None
    if len(parts) == 3 and parts[1] == "status" and parts[2]:
        return STATUS, {"number": parts[2]}
    return None


def _match_widget(name: str) -> Match | None:
    site, pinned, digest = name.partition("@")
    if pinned:
        return WIDGET_PINNED, {"site": site, "digest": digest}
    site, localised, locale = name.partition(".")
    if not site or (localised and not locale):
        return None
    kind, localised_too, inner = locale.partition(".")
    if kind == "headless" and (inner or not localised_too):
        return (HEADLESS_IN, {"site": site, "locale": inner}) if inner else (HEADLESS, {"site": site})
    return (WIDGET_IN, {"site": site, "locale": locale}) if localised else (WIDGET, {"site": site})

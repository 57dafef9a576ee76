"""Which web origins may talk to a site's endpoints, and the CORS headers that say so (WHATWG Fetch)."""

from __future__ import annotations

from urllib.parse import urlsplit

from cookiegate.errors import OriginDeniedError
from cookiegate.policy.document import Policy
from cookiegate.web.call import Call, Reply

ALLOWED_HEADERS = "Content-Type, Idempotency-Key, X-Consent-Token, X-Request-Code"
EXPOSED_HEADERS = "RateLimit, RateLimit-Policy, Retry-After, X-Consent-Reason"
PREFLIGHT_MAX_AGE_S = "600"


def origin_of(url: str) -> str:
    """The origin of an http(s) address; empty for what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


def check_origin(call: Call, policy: Policy, own_origin: str) -> None:
    """Refuses a browser's cross-site write.

    A request without ``Origin`` is no browser's cross-origin write; ``Sec-Fetch-Site`` settles what is left.

    Raises:
        OriginDeniedError: the origin is neither listed by the policy nor our own.
    """
    origin = call.header("HTTP_ORIGIN")
    if origin is not None:
        if origin not in policy.origins and origin != own_origin:
            raise OriginDeniedError("this origin is not in the site's allowed origins", site=policy.site)
    elif call.header("HTTP_SEC_FETCH_SITE") == "cross-site":
        raise OriginDeniedError("a cross-site request cannot write", site=policy.site)


def allow_origin(call: Call, policy: Policy, reply: Reply) -> Reply:
    """Adds the CORS headers that a listed origin needs to read this answer with its cookies."""
    reply.add("Vary", "Origin")
    origin = call.header("HTTP_ORIGIN")
    if origin is not None and origin in policy.origins:
        reply.add("Access-Control-Allow-Origin", origin)
        reply.add("Access-Control-Allow-Credentials", "true")
        reply.add("Access-Control-Expose-Headers", EXPOSED_HEADERS)
    return reply


def preflight(call: Call, policy: Policy, methods: str) -> Reply:
    """The answer to a CORS preflight; an origin that is not listed gets no permission."""
    reply = allow_origin(call, policy, Reply(204))
    if any(name == "Access-Control-Allow-Origin" for name, _ in reply.headers):
        reply.add("Access-Control-Allow-Methods", methods)
        reply.add("Access-Control-Allow-Headers", ALLOWED_HEADERS)
        reply.add("Access-Control-Max-Age", PREFLIGHT_MAX_AGE_S)
    return reply

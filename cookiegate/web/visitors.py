"""The visitor's side of an exchange: the cookies they bring and the cookies they keep."""

from __future__ import annotations

import re

from cookiegate.consent.current import Consent, consent_of
from cookiegate.consent.ids import HANDLE_PATTERN
from cookiegate.policy.document import PublishedPolicy
from cookiegate.tokens.issuing import IssuedToken
from cookiegate.web.call import Call, Reply
from cookiegate.web.service import Service

TOKEN = "cg_token"  # noqa: S105  the name of a cookie
CHOICE = "cg_choice"
DAY_S = 86_400
_CHOSEN_VERSION = re.compile(r"(?:refused|granted)\.([0-9]{1,9})\.")


def handle_cookie(site: str) -> str:
    """The name of a site's handle cookie: sites that share a host must not take each other's handle away."""
    return f"cg_handle.{site}"


def handle_of(call: Call, site: str) -> str | None:
    """The visitor's handle for a site, if what the cookie holds can be one."""
    value = call.cookie(handle_cookie(site))
    return value if value is not None and HANDLE_PATTERN.fullmatch(value) else None


def consent_now(service: Service, call: Call, published: PublishedPolicy) -> Consent:
    """What holds for the visitor of this call."""
    row = service.decider.find(published.policy.site, handle_of(call, published.policy.site))
    return consent_of(published, row, call.cookie(CHOICE), service.clock.now_ms())


def chosen_version(service: Service, call: Call, published: PublishedPolicy) -> int | None:
    """The policy version under which this visitor last chose, as far as their browser tells; None when it does not.

    The handle decides; ``cg_choice`` is believed where there is none, because nothing depends on it but a text.
    """
    row = service.decider.find(published.policy.site, handle_of(call, published.policy.site))
    if row is not None:
        return row.policy_version or None  # one that is to be confirmed has none
    found = _CHOSEN_VERSION.match(call.cookie(CHOICE) or "")
    version = int(found[1]) if found else 0
    return version if 0 < version <= published.version else None


def set_cookies(
    service: Service, reply: Reply, consent: Consent, handle: str | None, token: IssuedToken | None
) -> Reply:
    """Makes the browser keep what a granted consent needs, and forget every identifier after a refusal."""
    cookies, life_s = service.cookies, consent.published.policy.ask_again_days * DAY_S
    reply.headers.append(cookies.keep(CHOICE, consent.choice_cookie(), life_s, readable=True))
    name = handle_cookie(consent.published.policy.site)
    reply.headers.append(cookies.keep(name, handle, life_s) if handle else cookies.forget(name))
    reply.headers.append(token_cookie(service, token) if token else cookies.forget(TOKEN))
    return reply


def token_cookie(service: Service, token: IssuedToken) -> tuple[str, str]:
    """The cookie that carries the token to a same-origin collector; it ends with the token."""
    left_s = max(0, (token.expires_at_ms - service.clock.now_ms()) // 1000)
    return service.cookies.keep(TOKEN, token.text, left_s)

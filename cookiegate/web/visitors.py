"""The visitor's side of an exchange: the cookies they bring and the cookies they keep."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from cookiegate.consent.current import Consent, consent_of
from cookiegate.consent.ids import HANDLE_PATTERN
from cookiegate.consent.signals import Standing, affected_keys, despite_of, read_signal
from cookiegate.policy.document import Policy, PublishedPolicy
from cookiegate.policy.pages import Signal
from cookiegate.policy.sharing import host_of
from cookiegate.storage.contract import ConsentRow
from cookiegate.tokens.issuing import IssuedToken
from cookiegate.web.call import Call, CookieRules, Reply
from cookiegate.web.service import Service

TOKEN = "cg_token"  # noqa: S105  the name of a cookie
CHOICE = "cg_choice"
DAY_S = 86_400
#: What tells a page to throw away the choice that waits in it, and for how long it may learn of that.
VOID, VOID_DAYS = "0", 30
_CHOSEN_VERSION = re.compile(r"(?:refused|granted)\.([0-9]{1,9})\.")


def handle_cookie(site: str) -> str:
    """The name of a site's handle cookie: sites that share a host must not take each other's handle away."""
    return f"cg_handle.{site}"


def pending_cookie(site: str) -> str:
    """The name of the cookie by which a page knows that a choice waits in it to be sent, or that it is void."""
    return f"cg_pending.{site}"


def handle_of(call: Call, site: str) -> str | None:
    """The visitor's handle for a site, if what the cookie holds can be one."""
    value = call.cookie(handle_cookie(site))
    return value if value is not None and HANDLE_PATTERN.fullmatch(value) else None


def choice_of(call: Call, policy: Policy) -> str | None:
    """What the browser says of the visitor's choice on a site.

    Sites of a group have one service, whose host ``cg_choice`` is the last one's: each has another of its own there.
    """
    return call.cookie(group_cookie(policy.site) if policy.share is not None and policy.share.group else CHOICE)


def group_cookie(site: str) -> str:
    """The name of the cookie that says what was chosen on a site of a group: for the service alone, no identifier."""
    return f"{CHOICE}.{site}"


def signal_of(call: Call, published: PublishedPolicy, told: Signal | None = None) -> Signal | None:
    """The browser signal that comes with a call and counts.

    Args:
        told: what the page says that its script sees.
    """
    return read_signal(published.policy, call.header("HTTP_SEC_GPC"), call.header("HTTP_DNT"), told)


def standing_of(
    service: Service, call: Call, published: PublishedPolicy, row: ConsentRow | None, *, whole: bool = True
) -> Standing:
    """How the consent of this call's visitor stands to signals.

    Args:
        row: their consent.
        whole: False: without a signal in the call, what was allowed in spite of one is not looked up.
    """
    seen = signal_of(call, published)
    affected = affected_keys(published.policy)
    if row is None or not (whole or seen) or affected.isdisjoint(row.purposes.split()):
        return Standing(seen)
    decision = service.storage.decision(row.decision_id)
    return Standing(seen, despite_of(decision.record) if decision else None)


def consent_now(service: Service, call: Call, published: PublishedPolicy) -> Consent:
    """What holds for the visitor of this call."""
    row = service.decider.find(published.policy.site, handle_of(call, published.policy.site))
    return consent_of(
        published,
        row,
        choice_of(call, published.policy),
        service.clock.now_ms(),
        standing=standing_of(service, call, published, row),
        refused_days=partial(service.places.refused_days, call, published.policy),
    )


def chosen_version(service: Service, call: Call, published: PublishedPolicy) -> int | None:
    """The policy version under which this visitor last chose, as far as their browser tells; None when it does not.

    The handle decides; ``cg_choice`` is believed where there is none, because nothing depends on it but a text.
    """
    row = service.decider.find(published.policy.site, handle_of(call, published.policy.site))
    if row is not None:
        return row.policy_version or None  # one that is to be confirmed has none
    found = _CHOSEN_VERSION.match(choice_of(call, published.policy) or "")
    version = int(found[1]) if found else 0
    return version if 0 < version <= published.version else None


def set_cookies(
    service: Service, call: Call | None, reply: Reply, consent: Consent, handle: str | None, token: IssuedToken | None
) -> Reply:
    """Makes the browser keep what a granted consent needs, and forget every identifier after a refusal."""
    policy = consent.published.policy
    cookies, life_s = cookie_rules(service, call, policy), consent.days * DAY_S
    name = handle_cookie(policy.site)
    reply.headers += cookies.clear_way((CHOICE, name, TOKEN))
    reply.headers.append(cookies.keep(CHOICE, consent.choice_cookie(), life_s, readable=True))
    reply.headers.append(cookies.keep(name, handle, life_s) if handle else cookies.forget(name))
    reply.headers.append(token_cookie(service, call, policy, token) if token else cookies.forget(TOKEN))
    if policy.share is not None and policy.share.group:
        reply.headers.append(service.cookies.keep(group_cookie(policy.site), consent.choice_cookie(), life_s))
    return reply


def void_pending(service: Service, call: Call, policy: Policy, *, is_elsewhere: bool = False) -> list[tuple[str, str]]:
    """Headers that make void what a page of the site still has to send, if anything: there is a newer choice.

    ``is_elsewhere``: it was made on another site, so that the call's page is none of this one's.
    """
    cookies, name = cookie_rules(service, None if is_elsewhere else call, policy), pending_cookie(policy.site)
    if call.cookie(name) is None:
        return []
    return [*cookies.clear_way((name,)), cookies.keep(name, VOID, VOID_DAYS * DAY_S, readable=True)]


def keep_choice(service: Service, consent: Consent, handle: str | None) -> list[tuple[str, str]]:
    """Headers by which a site of the group knows, when the visitor comes there, what was chosen for it elsewhere."""
    policy, life_s = consent.published.policy, consent.days * DAY_S
    kept = [service.cookies.keep(group_cookie(policy.site), consent.choice_cookie(), life_s)]
    if handle is None:
        return forget_handle(service, policy) + kept
    cookies, name = cookie_rules(service, None, policy), handle_cookie(policy.site)
    return [*cookies.clear_way((name,)), cookies.keep(name, handle, life_s), *kept]


def forget_handle(service: Service, policy: Policy) -> list[tuple[str, str]]:
    """Headers that make the browser forget who it is to a site of the group."""
    cookies, name = cookie_rules(service, None, policy), handle_cookie(policy.site)
    return [*cookies.clear_way((name,)), cookies.forget(name)]


def cookie_rules(service: Service, call: Call | None, policy: Policy) -> CookieRules:
    """How a site's cookies are set: for all its sub-domains, where it shares its choice and this service is one.

    A page elsewhere may reach the service through its own host, whose browser would refuse the domain.
    """
    share, page = policy.share, (call and call.header("HTTP_ORIGIN")) or service.settings.base_url
    if share is None or not all(share.holds(host_of(place)) for place in (page, service.settings.base_url)):
        return service.cookies
    return replace(service.cookies, domain=share.domain)


def forget_cookies(service: Service, call: Call, site: str) -> list[tuple[str, str]]:
    """Headers that make the browser forget everything that it keeps of a site's consent."""
    policy, names = service.book.current(site).policy, (handle_cookie(site), TOKEN, CHOICE)
    cookies = cookie_rules(service, call, policy)
    forgotten = [*cookies.clear_way(names), *(cookies.forget(name) for name in names)]
    if policy.share is not None and policy.share.group:
        forgotten.append(service.cookies.forget(group_cookie(site)))
    return forgotten + void_pending(service, call, policy)


def token_cookie(service: Service, call: Call | None, policy: Policy, token: IssuedToken) -> tuple[str, str]:
    """The cookie that carries the token to a same-origin collector; it ends with the token."""
    left_s = max(0, (token.expires_at_ms - service.clock.now_ms()) // 1000)
    return cookie_rules(service, call, policy).keep(TOKEN, token.text, left_s)

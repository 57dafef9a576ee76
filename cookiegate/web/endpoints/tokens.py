"""``POST /v1/sites/<site>/token``: a fresh token for whoever holds the handle of a consent that still holds."""

from __future__ import annotations

from cookiegate.clock import rfc3339
from cookiegate.consent.current import consent_of
from cookiegate.consent.grants import scope_of
from cookiegate.errors import ConsentMissingError, ConsentRestrictedError
from cookiegate.web.bodies import read_token_body
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.origins import check_origin
from cookiegate.web.service import Service
from cookiegate.web.visitors import handle_of, token_cookie


def post_token(service: Service, call: Call, site: str) -> Reply:
    """Issues a token from the record, never from what the page believes."""
    published = service.book.current(site)
    check_origin(call, published.policy, service.own_origin)
    body = read_token_body(call, service.settings.body_limit_bytes)
    service.insist_on_knowledge()
    row = service.decider.find(site, handle_of(call, site))
    if row is not None and row.restricted:
        raise ConsentRestrictedError("the use of this consent is restricted; only the person can lift that")
    now_ms = service.clock.now_ms()
    consent = consent_of(published, row, None, now_ms)
    if row is None or row.slot is None or not consent.is_usable:
        raise ConsentMissingError(
            "no consent holds for this visitor; show the notice and ask", ask_reason=consent.ask_reason or "refused"
        )
    service.register.ensure(row.slot.list_id)
    service.metrics.issued(site)
    token = service.issuer.issue(
        site=site,
        sub=row.sub,
        policy_version=row.policy_version,
        epoch=row.epoch,
        scope=scope_of(published.policy, consent.grant),
        acquire=consent.grant.acquire,
        status_list=row.slot.list_id,
        status_index=row.slot.index,
        issued_at_ms=now_ms,
        bindings=published.policy.bindings_asked(body.bind),
    )
    reply = json_reply({"token": token.text, "expires_at": rfc3339(token.expires_at_ms), "epoch": row.epoch})
    reply.headers.append(token_cookie(service, token))
    return reply

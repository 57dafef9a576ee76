"""``POST /v1/sites/<site>/token``: a fresh token for whoever holds the handle of a consent that still holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

import msgspec

from cookiegate.clock import rfc3339
from cookiegate.consent.current import Consent, consent_of
from cookiegate.consent.deciding import DecisionRequest
from cookiegate.consent.device import read_device
from cookiegate.consent.grants import scope_of
from cookiegate.errors import ConsentMissingError, ConsentRestrictedError
from cookiegate.storage.contract import ConsentRow
from cookiegate.web.bodies import read_token_body
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.endpoints.decisions import Answer
from cookiegate.web.group_sharing import share_decision
from cookiegate.web.origins import check_origin
from cookiegate.web.problems import problem_reply
from cookiegate.web.service import Service
from cookiegate.web.taking import take_decision
from cookiegate.web.visitors import handle_of, standing_of, token_cookie

_NOTHING_HOLDS = "no consent holds for this visitor; show the notice and ask"


def post_token(service: Service, call: Call, site: str) -> Reply:
    """Issues a token from the record, never from what the page believes.

    What the visitor's browser signals against, and nobody allowed in spite of that, ends here and now.
    """
    published = service.book.current(site)
    check_origin(call, published.policy, service.own_origin)
    body = read_token_body(call, service.settings.body_limit_bytes)
    service.insist_on_knowledge()
    row = service.decider.find(site, handle_of(call, site))
    if row is not None and row.restricted:
        raise ConsentRestrictedError("the use of this consent is restricted; only the person can lift that")
    now_ms = service.clock.now_ms()
    standing = standing_of(service, call, published, row, whole=False)
    refused_days = partial(service.places.refused_days, call, published.policy)
    consent = consent_of(published, row, None, now_ms, standing=standing, refused_days=refused_days)
    if row is None or row.slot is None or not (consent.is_usable or consent.is_ended_by_signal):
        raise ConsentMissingError(_NOTHING_HOLDS, ask_reason=consent.ask_reason or "refused")
    bindings = published.policy.bindings_asked(body.bind)
    if consent.is_ended_by_signal:
        return _end_by_signal(service, call, consent, row, bindings)
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
        bindings=bindings,
    )
    reply = json_reply({"token": token.text, "expires_at": rfc3339(token.expires_at_ms), "epoch": row.epoch})
    reply.headers.append(token_cookie(service, call, published.policy, token))
    return reply


def _end_by_signal(
    service: Service, call: Call, consent: Consent, row: ConsentRow, bindings: Mapping[str, str]
) -> Reply:
    """Records that the visitor's browser took back what its signal switches off; a token for what is left."""
    published, handle = consent.published, handle_of(call, row.site)
    request = DecisionRequest(
        notice="",  # the earlier decision's
        action="signal",
        # Calls at the same time are one act. Nobody else can make up this key.
        idempotency_key=hashlib.sha256(f"{handle} {row.decision_id} {consent.standing.seen}".encode()).hexdigest(),
        handle=handle,
        device=read_device(call.header("HTTP_USER_AGENT")).facts(),
        signal=consent.standing.seen,
    )
    answer = Answer(service, call, published, bindings)
    decided = take_decision(service, published, request, answer.begin)
    whole = answer.reply(decided)
    made = msgspec.json.decode(whole.body)
    if made["token"] is None:
        reply = problem_reply(ConsentMissingError.code, _NOTHING_HOLDS, ask_reason="refused")
    else:
        reply = json_reply({"token": made["token"], "expires_at": made["expires_at"], "epoch": decided.row.epoch})
    reply.headers += [header for header in whole.headers if header[0] == "Set-Cookie"]
    if published.policy.share is not None:
        reply.headers += share_decision(service, call, published, request, decided)
    return reply

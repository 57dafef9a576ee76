"""Who may do what: one entry for every method of every route. ``test_role_matrix.py`` asks for each cell."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from security.people import ROLES, Owner, wrong

Request = Mapping[str, Any]


@dataclass(frozen=True)
class Access:
    """What a route answers.

    Args:
        everyone: the status for every role that is not named.
        by_role: status by role.
        sees: the roles whose answer may hold what is the owner's.
        request: gives path arguments, body and headers of a sensible request; the role's own headers come on top.
    """

    everyone: int
    by_role: Mapping[str, int] = field(default_factory=dict)
    sees: tuple[str, ...] = ()
    request: Callable[[Owner, str], Request] = lambda owner, role: {}

    def status(self, role: str) -> int:
        """What the role is answered with."""
        return self.by_role.get(role, self.everyone)


def _of(**options: Any) -> Callable[[Owner, str], Request]:
    return lambda owner, role: options


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_urlsafe(24)}


def _decision(owner: Owner, role: str) -> Request:
    digest = owner.bench.service.book.notice("demo", "en").sha256
    return {"json": {"notice": digest, "action": "reject"}, "headers": _key()}


def _preferences(owner: Owner, role: str) -> Request:
    digest = owner.bench.service.book.notice("demo", "en").sha256
    return {"data": {"notice": digest, "action": "reject", "key": secrets.token_urlsafe(24), "epoch": "1"}}


def _their_receipt(owner: Owner, role: str) -> str:
    """The owner brings their receipt; others bring what they could make of one."""
    head, body, tail = owner.receipt.split(".")
    return owner.receipt if role == "owner" else f"{head}.{body}.{tail[::-1]}"


def _receipt_form(owner: Owner, role: str) -> Request:
    return {"data": {"receipt": _their_receipt(owner, role)}}


def _record_form(owner: Owner, role: str) -> Request:
    return {"data": {"do": "see"}}


def _request_body(owner: Owner, role: str) -> Request:
    return {"json": {"kind": "purpose_notice"}, "headers": _key()}


def _request_form(owner: Owner, role: str) -> Request:
    return {"data": {"key": secrets.token_urlsafe(24), "kind": "purpose_notice", "residence": "jp"}}


def _reference(owner: Owner, role: str) -> Request:
    return {"args": {"reference": owner.asker.reference}}


def _press(owner: Owner, role: str) -> Request:
    code = owner.asker.code if role == "requester" else wrong(owner.asker.code)
    return {"args": {"reference": owner.asker.reference}, "data": {"action": "show", "code": code}}


def _confirmation(owner: Owner, role: str) -> Request:
    return {"args": {"reference": owner.asker.reference}, "query_string": {"t": "x" * 43}, "data": {"t": "x" * 43}}


def _proof(owner: Owner, role: str) -> Request:
    owner.bench.service.sealer.run()
    return {"args": {"entry": owner.decision}}


def _check(owner: Owner, role: str) -> Request:
    return {"query_string": {"purpose": "analytics", "site": "demo"}}


def _strip(owner: Owner, role: str) -> Request:
    event = {"event": "page_view", "language": "ja"}
    return {"args": {"tracker": "plain"}, "query_string": {"purpose": "analytics", "site": "demo"}, "json": event}


def _collect(owner: Owner, role: str) -> Request:
    event = {"n": "pageview", "u": "http://shop.test/", "d": "shop.test"}
    return {"args": {"tracker": "plausible", "rest": "api/event"}, "query_string": {"site": "demo"}, "json": event}


#: A page of another site of ours is as foreign to this site as any other page.
_FOREIGN = {"page elsewhere": 403, "visitor of another site": 403}
_HAVE_CONSENT = {"owner": 200, "neighbour": 200}
_PUBLIC = Access(200)
_BY_TOKEN = {"owner": 204, "page elsewhere": 204}


TABLE: Mapping[str, Access] = {
    "GET /static/<path:filename>": Access(200, request=_of(args={"filename": "pages/pages.css"})),
    # What visitors' browsers ask for.
    "GET /w/<site>.js": _PUBLIC,
    "GET /w/<site>.<locale>.js": _PUBLIC,
    "GET /w/<site>.headless.js": _PUBLIC,
    "GET /w/<site>.headless.<locale>.js": _PUBLIC,
    "GET /w/<site>.<locale>.json": _PUBLIC,
    "GET /w/<site>@<digest>.js": Access(404),
    "GET /.well-known/jwks.json": _PUBLIC,
    "GET /.well-known/gpc.json": _PUBLIC,
    "GET /status/<number>": _PUBLIC,
    "GET /v1/sites/<site>/notice": _PUBLIC,
    "GET /v1/sites/<site>/list": Access(404),  # of a policy without vendors
    "GET /v1/sites/<site>/consent": _PUBLIC,
    "POST /v1/sites/<site>/decisions": Access(201, _FOREIGN, request=_decision),
    "POST /v1/sites/<site>/token": Access(404, {**_HAVE_CONSENT, **_FOREIGN}, sees=("owner",)),
    "GET /v1/sites/<site>/record": Access(
        404, {**_HAVE_CONSENT, "page elsewhere": 200}, sees=("owner", "page elsewhere")
    ),
    "POST /v1/sites/<site>/record": Access(404, {**_HAVE_CONSENT, **_FOREIGN}, sees=("owner",)),
    "POST /v1/sites/<site>/record/<act>": Access(
        404, {**_HAVE_CONSENT, **_FOREIGN}, request=_of(args={"act": "erase"})
    ),
    "POST /v1/sites/<site>/requests": Access(201, _FOREIGN, request=_request_body),
    "GET /v1/sites/<site>/requests/<reference>": Access(404, {"requester": 200}, request=_reference),
    # Pages. A page elsewhere can neither frame nor read them, and its forms are refused.
    "GET /preferences/<site>": _PUBLIC,
    "POST /preferences/<site>": Access(200, _FOREIGN, sees=("owner",), request=_preferences),
    "GET /preferences/<site>/theme.css": _PUBLIC,
    "GET /preferences/<site>/receipt": Access(200, sees=("owner", "page elsewhere")),
    "POST /preferences/<site>/receipt": Access(422, {"owner": 200, **_FOREIGN}, sees=("owner",), request=_receipt_form),
    "GET /preferences/<site>/receipt.json": Access(
        404, {**_HAVE_CONSENT, "page elsewhere": 200}, sees=("owner", "page elsewhere")
    ),
    "GET /preferences/<site>/record": Access(200, sees=("owner", "page elsewhere")),
    "POST /preferences/<site>/record": Access(200, _FOREIGN, sees=("owner",), request=_record_form),
    "GET /preferences/<site>/record/erased": Access(404, request=_of(query_string={"entry": "0" * 36})),
    "GET /preferences/<site>/request": _PUBLIC,
    "POST /preferences/<site>/request": Access(201, _FOREIGN, request=_request_form),
    "GET /preferences/<site>/request/<reference>": Access(200, request=_reference),
    "POST /preferences/<site>/request/<reference>": Access(
        404, {"requester": 200, **_FOREIGN}, sees=("requester",), request=_press
    ),
    "GET /preferences/<site>/request/<reference>/confirm": Access(404, request=_confirmation),
    "POST /preferences/<site>/request/<reference>/confirm": Access(404, _FOREIGN, request=_confirmation),
    "GET /notice/<site>": _PUBLIC,
    "GET /notice/<site>/changes": _PUBLIC,
    "GET /notice/<site>/changes.atom": _PUBLIC,
    "GET /notice/<site>/vendors": Access(404),  # of a policy without vendors
    # The gate. Whoever brings a good token is its visitor; a token of another site is none.
    **{
        f"{method} /gate/check": Access(401, _BY_TOKEN, sees=("owner", "page elsewhere"), request=_check)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    "POST /gate/strip/<tracker>": Access(
        401, {"owner": 200, "page elsewhere": 200}, sees=("owner", "page elsewhere"), request=_strip
    ),
    **{
        f"{method} /collect/<tracker>/<path:rest>": Access(202, request=_collect)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    # The ledger is public and holds hashes.
    "GET /ledger/contexts/receipt-1.jsonld": _PUBLIC,
    "GET /ledger/contexts/receipt-2.jsonld": _PUBLIC,
    "GET /ledger/contexts/receipt-3.jsonld": _PUBLIC,
    "GET /ledger/checkpoint": Access(200, request=_proof),
    "GET /ledger/key": _PUBLIC,
    "GET /ledger/proof/<entry>": Access(200, sees=ROLES, request=_proof),
    "GET /ledger/consistency": Access(422),
    "GET /ledger/tile/<level>/<path:path>": Access(404, request=_of(args={"level": "0", "path": "x999/999"})),
    # Servers of the operator, by their secret.
    "GET /v1/streams/<stream>": Access(401, {"subscriber": 200}, request=_of(args={"stream": "erase"})),
    "POST /v1/streams/<stream>/acks": Access(
        401, {"subscriber": 200}, request=_of(args={"stream": "erase"}, json={"through": 0})
    ),
    "GET /v1/erasures": Access(401, {"subscriber": 200}),
    "POST /v1/erasures/acks": Access(401, {"subscriber": 200}, request=_of(json={"through": 0})),
    # Operators.
    "GET /healthz": _PUBLIC,
    "GET /readyz": _PUBLIC,
    "GET /metrics": _PUBLIC,
    "GET /openapi.json": _PUBLIC,
    "GET /openapi": _PUBLIC,
}

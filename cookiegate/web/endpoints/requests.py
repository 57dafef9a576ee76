"""``/v1/sites/<site>/requests``: rights requests by JSON, and where they stand."""

from __future__ import annotations

from typing import Any

from cookiegate.clock import rfc3339
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.locales import negotiate
from cookiegate.rights.requests.counter import is_waiting_for_address
from cookiegate.rights.requests.files import RequestFile
from cookiegate.rights.requests.intake import Application, Received
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.rights.requests.machine import possible_steps
from cookiegate.web.bodies import load_body, read_idempotency_key
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.origins import check_origin
from cookiegate.web.possession import holder_by_handle
from cookiegate.web.request_schemas import RequestBodySchema
from cookiegate.web.service import Service
from cookiegate.web.visitors import forget_cookies, handle_of

_schema = RequestBodySchema()


def post_request(service: Service, call: Call, site: str) -> Reply:
    """Takes a request in; 201 with its reference, its code and where it stands."""
    published = service.book.current(site)
    check_origin(call, published.policy, service.own_origin)
    key = read_idempotency_key(call)
    body = load_body(call, service.settings.body_limit_bytes, _schema)
    received, cookies = take_request(service, call, application_of(published, body, call), key)
    reply = json_reply({"code": received.code, **shown(received.file, service.clock.now_ms())}, status=201)
    reply.headers += cookies
    return reply


def get_request(service: Service, call: Call, site: str, reference: str) -> Reply:
    """Where a request stands, for whoever has its code."""
    service.book.current(site)
    file = service.requests.counter.open(site, reference, call.header("HTTP_X_REQUEST_CODE") or "")
    return json_reply(shown(file, service.clock.now_ms()))


def application_of(published: PublishedPolicy, body: dict[str, Any], call: Call) -> Application:
    """A body that fits the contract, as the reception takes it."""
    agent = body["agent"] or {}
    return Application(
        site=published.policy.site,
        kind=body["kind"],
        residence=body["residence"],
        locale=negotiate(published.policy, body["locale"], call.header("HTTP_ACCEPT_LANGUAGE")),
        message=body["message"].strip(),
        name=body["contact"]["name"].strip(),
        email=body["contact"]["email"] or None,
        agent=agent.get("name"),
        authority=agent.get("authority"),
        receipt=body["receipt"],
    )


def take_request(
    service: Service, call: Call, application: Application, idempotency_key: str
) -> tuple[Received, list[tuple[str, str]]]:
    """Records a request through whichever door it came, and serves it at once where that is possible.

    Returns:
        The request, and the headers that make the browser forget what was erased, where that was its own.
    """
    office, site = service.requests, application.site
    own = holder_by_handle(service, call, site)
    received = office.reception.receive(application, idempotency_key, handle=handle_of(call, site))
    file = office.serving.serve(received.file)
    is_erased = KINDS[file.case.kind].effect == "erase" and file.case.acted
    is_own = own is not None and own.key_id == file.person.subject_key_id
    forgotten = forget_cookies(service, call, site) if is_erased and is_own else []
    return Received(file, received.code, received.is_new), forgotten


def shown(file: RequestFile, now_ms: int) -> dict[str, Any]:
    """What the API tells about a request."""
    case = file.case
    return {
        "reference": file.reference,
        "kind": case.kind,
        "state": case.state,
        "outcome": case.outcome,
        "ground": case.ground,
        "received_at": rfc3339(case.received_at_ms),
        "due_at": rfc3339(case.deadline(now_ms).due_at_ms),
        "next_step": next_step(file),
        "history": [
            {"step": "received", "at": rfc3339(case.received_at_ms)},
            *({"step": note.step.name, "at": rfc3339(note.step.at_ms)} for note in file.notes),
        ],
    }


def next_step(file: RequestFile) -> str:
    """What the person can do next."""
    case = file.case
    if not case.is_open:
        return "none"
    if case.waits_for == "identity":
        return "give_document"
    if case.waits_for == "fee":
        return "pay_fee"
    if "notify" in possible_steps(case):
        return "see_result"
    return "confirm_address" if is_waiting_for_address(file) else "wait"

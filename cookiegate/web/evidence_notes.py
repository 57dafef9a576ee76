"""Notes who writes, for sites whose policy keeps addresses as evidence; for all others nothing is noted (S1)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request

from cookiegate.web.call import Call
from cookiegate.web.service import Service


def note_write(service: Service, call: Call, site: str, act: str, status: int) -> None:
    """Notes a write or its refusal.

    Args:
        service: whose policies say whether addresses are kept.
        call: the request.
        site: as the path names it; it may be anything.
        act: the route.
        status: of the answer.
    """
    if service.book.knows(site) and service.book.current(site).policy.retention.ip_evidence_days:
        service.ip_evidence.note(site, service.clients.address(call), act, status)


def note_form(service: Service) -> Callable[[Response], Response]:
    """An ``after_request`` hook for what Flask takes by itself; what goes through the desk is noted there."""

    def note(response: Response) -> Response:
        site, rule = (request.view_args or {}).get("site"), request.url_rule
        if request.method == "POST" and site and rule and request.blueprint != "hot":
            note_write(service, Call(request.environ), site, rule.rule, response.status_code)
        return response

    return note

"""Rights requests as pages: the form, and where a request stands. Usable without JavaScript."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from cookiegate.errors import CookiegateError, InvalidInputError, NotFoundError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.rights.requests.codes import REFERENCE
from cookiegate.rights.requests.files import RequestFile
from cookiegate.web.bodies import IDEMPOTENCY_KEY, load_fields
from cookiegate.web.call import Call
from cookiegate.web.endpoints.requests import application_of, take_request
from cookiegate.web.request_schemas import RequestBodySchema
from cookiegate.web.request_view import (
    request_code_page,
    request_confirm_page,
    request_form_page,
    request_received_page,
)
from cookiegate.web.service import Service
from cookiegate.web.views.forms import check_same_origin, form_counter
from cookiegate.web.views.request_status import answer_person, read_press
from cookiegate.web.views.responses import as_page, page_locale
from cookiegate.web.visitors import handle_of

_schema = RequestBodySchema()
_LINES = re.compile(r"\r\n?")


def make_requests_blueprint(service: Service) -> Blueprint:
    """``/preferences/<site>/request`` and what lies below it."""
    blueprint = Blueprint("requests", __name__)
    count, count_look = form_counter(service, service.limits.requests), form_counter(service, service.limits.tokens)

    @blueprint.get("/preferences/<site>/request")
    def show_form(site: str) -> Response:
        """The form."""
        return _form(service, service.book.current(site), {"kind": request.args.get("kind", "")})

    @blueprint.post("/preferences/<site>/request")
    def send_form(site: str) -> Response:
        """Takes the form in, and shows reference and code: nothing else ever does."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count(site)
        return _receive(service, published)

    @blueprint.get("/preferences/<site>/request/<reference>")
    def ask_code(site: str, reference: str) -> Response:
        """Asks for the code; whether there is such a request is not told."""
        return _code(service, service.book.current(site), reference)

    @blueprint.post("/preferences/<site>/request/<reference>")
    def serve_person(site: str, reference: str) -> Response:
        """Shows where a request stands, and does what the page's buttons say."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count_look(site)
        form = read_press(service.settings.document_limit_bytes)
        try:
            file = service.requests.counter.open(site, reference, form.code)
        except NotFoundError:
            return _code(service, published, reference, wrong=True)
        return answer_person(service, published, file, form)

    @blueprint.get("/preferences/<site>/request/<reference>/confirm")
    def offer_confirmation(site: str, reference: str) -> Response:
        """Behind the link of our mail: a button, since programs that look at mails follow links, too."""
        published, token = service.book.current(site), request.args.get("t", "")
        count_look(site)
        file = service.requests.counter.find_by_link(site, reference, token)
        return _confirm(service, published, file, token)

    @blueprint.post("/preferences/<site>/request/<reference>/confirm")
    def confirm(site: str, reference: str) -> Response:
        """The address is confirmed."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count_look(site)
        try:
            file = service.requests.counter.confirm_address(site, reference, request.form.get("t", ""))
        except NotFoundError:
            return _confirm(service, published, None, "")
        return _confirm(service, published, service.requests.serving.serve(file), "", done=True)

    return blueprint


def _receive(service: Service, published: PublishedPolicy) -> Response:
    call, values = Call(request.environ), _read_form()
    try:
        if IDEMPOTENCY_KEY.fullmatch(values["key"]) is None:
            raise InvalidInputError("the form does not fit", errors={"key": ["must be as the page had it"]})
        application = application_of(
            published, load_fields(_as_body(values, page_locale(published.policy)), _schema), call
        )
        received, cookies = take_request(service, call, application, values["key"])
    except InvalidInputError as error:
        return _form(service, published, values, error)
    except CookiegateError as error:
        if error.code != "idempotency_conflict":
            raise
        return _form(service, published, values, InvalidInputError(error.detail, errors={"key": []}))
    notice = service.book.notice(published.policy.site, received.file.locale).body
    page = request_received_page(notice, received.file, received.code, service.clock.now_ms())
    answer = _send("request_received.html", page, 201)
    answer.headers.extend(cookies)
    return answer


def _read_form() -> dict[str, str]:
    names = ("key", "kind", "message", "name", "email", "residence", "receipt", "agent", "authority")
    return {name: _LINES.sub("\n", request.form.get(name, "")).strip() for name in names}


def _as_body(values: dict[str, str], locale: str) -> dict[str, Any]:
    agent = {"name": values["agent"], "authority": values["authority"]}
    return {
        "kind": values["kind"],
        "message": values["message"],
        "contact": {"name": values["name"], "email": values["email"] or None},
        "residence": values["residence"],
        "agent": agent if any(agent.values()) else None,
        "receipt": values["receipt"] or None,
        "locale": locale,
    }


def _form(
    service: Service, published: PublishedPolicy, values: dict[str, str], error: CookiegateError | None = None
) -> Response:
    site, locale = published.policy.site, page_locale(published.policy)
    errors: Any = error.evidence.get("errors", {}) if error else {}
    page = request_form_page(
        service.book.notice(site, locale).body,
        published.policy.locales,
        key=secrets.token_urlsafe(24),
        is_known=service.decider.find(site, handle_of(Call(request.environ), site)) is not None,
        values={"residence": "jp" if locale == "ja" else "other", **values},
        faults=tuple(errors),
    )
    return _send("request.html", page, 422 if error else 200)


def _code(service: Service, published: PublishedPolicy, reference: str, *, wrong: bool = False) -> Response:
    if REFERENCE.fullmatch(reference) is None:
        raise NotFoundError("a reference looks like R-7K3M-9QXT")
    notice = service.book.notice(published.policy.site, page_locale(published.policy)).body
    page = request_code_page(notice, published.policy.locales, reference, wrong=wrong)
    return _send("request_code.html", page, 404 if wrong else 200)


def _confirm(
    service: Service, published: PublishedPolicy, file: RequestFile | None, token: str, *, done: bool = False
) -> Response:
    notice = service.book.notice(published.policy.site, page_locale(published.policy)).body
    page = request_confirm_page(notice, file, token, done=done)
    return _send("request_confirm.html", page, 200 if file is not None else 404)


def _send(template: str, page: dict[str, Any], status: int) -> Response:
    return as_page(make_response(render_template(template, **page), status), page["lang"])

"""What the page of one request does for whoever has its code."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from flask import Response, make_response, render_template, request
from werkzeug.formparser import parse_form_data

from cookiegate.errors import BodyTooLargeError, InvalidInputError, NotFoundError, RequestStepError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.rights.requests.files import RequestFile
from cookiegate.rights.requests.kinds import KINDS
from cookiegate.web.call import Call
from cookiegate.web.endpoints.requests import next_step
from cookiegate.web.records import Form
from cookiegate.web.request_view import request_page_texts, request_status_page
from cookiegate.web.service import Service
from cookiegate.web.views.responses import as_page, page_locale, to_response

#: What multipart and the other fields may take beside a document.
_FORM_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Press:
    """A button of the status page: ``show``, ``document``, ``withdraw``, ``json`` or ``csv``, and what goes with it."""

    action: str
    code: str
    document: bytes


def read_press(limit_bytes: int) -> Press:
    """The form of the current request.

    A document is read in memory: the framework would write a large one to a temporary file, in clear.

    Args:
        limit_bytes: the largest document that is taken.

    Raises:
        RequestEntityTooLarge: the body is larger than a document and the form around it.
    """
    room = limit_bytes + _FORM_BYTES
    _, form, files = parse_form_data(
        request.environ, lambda *_, **__: BytesIO(), max_form_memory_size=_FORM_BYTES, max_content_length=room
    )
    upload = files.get("document")
    content = upload.stream.read(limit_bytes + 1) if upload else b""
    return Press(form.get("action", "show"), form.get("code", ""), content)


def answer_person(service: Service, published: PublishedPolicy, file: RequestFile, press: Press) -> Response:
    """Does what a button says, and shows the page; what is not possible any more is not done.

    Args:
        published: the site's policy.
        file: the request, whose code was right.
        press: the button.
    """
    if press.action in ("json", "csv"):
        return _download(service, published, file, "csv" if press.action == "csv" else "json")
    counter, said = service.requests.counter, None
    faults: tuple[str, ...] = ()
    try:
        if press.action == "document":
            file = counter.give_document(file, press.document, service.settings.document_limit_bytes)
            said = "document_thanks"
        elif press.action == "withdraw":
            file = counter.withdraw(file)
    except RequestStepError:
        file = service.requests.casebook.read(file.reference)
    except (InvalidInputError, BodyTooLargeError):
        faults = ("document",)
    return _show(service, published, counter.show_result(file), press.code, said, faults)


def _show(
    service: Service,
    published: PublishedPolicy,
    file: RequestFile,
    code: str,
    said: str | None,
    faults: tuple[str, ...],
) -> Response:
    case, settings = file.case, service.settings
    is_done = case.state in ("carried_out", "notified") and case.outcome not in ("refused", "withdrawn")
    page = request_status_page(
        service.book.notice(published.policy.site, page_locale(published.policy)).body,
        file,
        code,
        service.clock.now_ms(),
        next_step=next_step(file),
        result=_result(service, file, published) if is_done else None,
        has_data=_holds_data(service, file) if _is_disclosed(file) else None,
        document={"limit_bytes": settings.document_limit_bytes, "days": settings.document_days},
        said=said,
        faults=faults,
    )
    answer = make_response(render_template("request_status.html", **page), 422 if faults else 200)
    return as_page(answer, page["lang"])


def _is_disclosed(file: RequestFile) -> bool:
    """Whether the person may have the data of the record that they showed to be theirs."""
    case = file.case
    is_theirs = KINDS[case.kind].effect == "disclose" and case.outcome == "granted" and case.acted
    return is_theirs and file.person.subject_key_id is not None


def _result(service: Service, file: RequestFile, published: PublishedPolicy) -> str:
    locale = page_locale(published.policy)
    if _is_disclosed(file):
        return request_page_texts(locale)["result_disclose"]
    return service.requests.messenger.result_text(file, locale)


def _holds_data(service: Service, file: RequestFile) -> bool:
    key_id = file.person.subject_key_id
    return key_id is not None and any(not row.is_erased for row in service.storage.decisions_of_key(key_id))


def _download(service: Service, published: PublishedPolicy, file: RequestFile, form: Form) -> Response:
    key_id = file.person.subject_key_id
    if key_id is None or not _is_disclosed(file):
        raise NotFoundError("there is nothing to download under this request")
    days = service.places.refused_days(Call(request.environ), published.policy)
    disclosure = service.records.disclose(file.site, key_id, page_locale(published.policy), refused_days=days)
    return to_response(service.records.download(disclosure, form))

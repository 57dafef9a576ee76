"""Receipts for visitors: as a page that prints, and as a file that proves itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

from cookiegate.errors import ConsentMissingError, ReceiptInvalidError
from cookiegate.ledger.receipt_document import CONTEXT_FOLDER, CONTEXT_NAMES, context_text
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS, Receipt, download_document, read_receipt
from cookiegate.ledger.receipts import sign_receipt
from cookiegate.policy.document import PublishedPolicy
from cookiegate.storage.contract import DecisionRow
from cookiegate.tokens.jws import PublicKeys
from cookiegate.web.call import Call, json_reply
from cookiegate.web.history_view import completed
from cookiegate.web.problems import PROBLEM
from cookiegate.web.receipt_view import receipt_form_page, receipt_page
from cookiegate.web.service import Service
from cookiegate.web.views.forms import check_same_origin, write_counter
from cookiegate.web.views.responses import as_page, page_locale, to_response
from cookiegate.web.visitors import handle_of

LD_JSON = "application/ld+json"
#: A context never changes: another meaning gets another number.
FOR_EVER = "public, max-age=31536000, immutable"
RECORD_PAGE = "/preferences/<site>/record"


def make_receipts_blueprint(service: Service) -> Blueprint:
    """``/preferences/<site>/receipt``, ``….json``, and the JSON-LD context of receipts."""
    blueprint = Blueprint("receipts", __name__)
    count = write_counter(service)

    @blueprint.get("/preferences/<site>/receipt")
    def show_receipt(site: str) -> Response:
        """The receipt of the choice that holds, for who has its handle; for others a form to bring a receipt."""
        published = service.book.current(site)
        row = _decision_of(service, site)
        return _form(service, published) if row is None else _page(service, _receipt_of(service, row), is_own=True)

    @blueprint.get("/preferences/<site>/receipt.json")
    def download_receipt(site: str) -> Response:
        """The same as a file."""
        service.book.current(site)
        row = _decision_of(service, site)
        if row is None:
            raise ConsentMissingError("no choice is recorded for this browser; a refusal leaves no trace in it")
        return _file(_receipt_of(service, row))

    @blueprint.post("/preferences/<site>/receipt")
    def bring_receipt(site: str) -> Response:
        """Shows a receipt that somebody brings, or makes the file of it. Nothing of it is stored."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count(site)
        try:
            receipt = _read(service, site)
        except ReceiptInvalidError as error:
            if request.accept_mimetypes.best_match([PROBLEM, "text/html"], default=PROBLEM) != "text/html":
                raise
            return _form(service, published, error)
        return _file(receipt) if request.form.get("format") == "json" else _page(service, receipt, is_own=False)

    for name in CONTEXT_NAMES:
        blueprint.add_url_rule(CONTEXT_FOLDER + name, name.partition(".")[0], _context, defaults={"name": name})

    return blueprint


def _context(name: str) -> Response:
    """What the keys of a receipt mean."""
    headers = {"Content-Type": LD_JSON, "Cache-Control": FOR_EVER, "Access-Control-Allow-Origin": "*"}
    return Response(context_text(name), headers=headers)


def _decision_of(service: Service, site: str) -> DecisionRow | None:
    """The decision that the visitor's handle stands for."""
    consent = service.decider.find(site, handle_of(Call(request.environ), site))
    row = service.storage.decision(consent.decision_id) if consent else None
    return None if row is None or row.is_erased else row


def _receipt_of(service: Service, row: DecisionRow) -> Receipt:
    # Read back like a stranger's: what leaves here is what anybody can check.
    return read_receipt(sign_receipt(service.keyring.active, service.receipts, row), _keys(service))


def _read(service: Service, site: str) -> Receipt:
    """The receipt in the form: pasted, or as a chosen file."""
    text, file = request.form.get("receipt", ""), request.files.get("file")
    if not text.strip() and file is not None:
        text = file.stream.read(4 * RECEIPT_LIMIT_CHARS).decode("utf-8", "replace")
    receipt = read_receipt(text, _keys(service))
    if receipt.site != site:
        raise ReceiptInvalidError("this is a receipt of another site", reason="other_site")
    return receipt


def _keys(service: Service) -> PublicKeys:
    return PublicKeys(service.keyring.jwks())


def _page(service: Service, receipt: Receipt, *, is_own: bool) -> Response:
    facts = receipt.facts
    archived, seen = service.receipts.notices.find(receipt.site, facts["policy_version"], facts["notice"])
    policy = archived.published.policy
    page = receipt_page(
        receipt,
        policy,
        completed(archived.notices[page_locale(policy)].body),
        seen_in=seen.locale,
        base_url=service.settings.base_url,
        is_own=is_own,
        record_page=_record_page(receipt.site),
    )
    return _send("receipt.html", page)


def _form(service: Service, published: PublishedPolicy, error: ReceiptInvalidError | None = None) -> Response:
    notice = service.book.notice(published.policy.site, page_locale(published.policy)).body
    problem = str(error.evidence["reason"]) if error else None
    page = receipt_form_page(notice, published.policy.locales, problem=problem)
    return _send("receipt_form.html", page, 422 if error else 200)


def _send(template: str, page: dict[str, Any], status: int = 200) -> Response:
    return as_page(make_response(render_template(template, **page), status), page["lang"])


def _file(receipt: Receipt) -> Response:
    reply = json_reply(download_document(receipt), content_type=LD_JSON)
    name = f"receipt-{receipt.site}-{receipt.decision_id}.json"
    return to_response(reply.add("Content-Disposition", f'attachment; filename="{name}"'))


def _record_page(site: str) -> str | None:
    rules = (rule.rule for rule in current_app.url_map.iter_rules())
    return RECORD_PAGE.replace("<site>", site) if RECORD_PAGE in rules else None

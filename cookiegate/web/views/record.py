"""The visitor's own record, for themselves: see, download, restrict, erase. Usable without JavaScript (S19)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, get_args

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from cookiegate.clock import rfc3339
from cookiegate.errors import InvalidInputError, NotFoundError, OnHoldError, PolicyError, ReceiptInvalidError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.history import read_edition, read_notice
from cookiegate.policy.wording import Phrasebook
from cookiegate.rights.disclosure.disclosure import Disclosure
from cookiegate.web.call import Call
from cookiegate.web.endpoints.records import BY_PERSON, erase_record, proof_address
from cookiegate.web.history_view import completed
from cookiegate.web.incident_view import incident_cards
from cookiegate.web.notice_view import Notice
from cookiegate.web.possession import Holder, holder_by_handle, holder_by_receipt, past_erasure
from cookiegate.web.record_view import Flash, erase_page, erased_page, find_page, record_page
from cookiegate.web.records import Form
from cookiegate.web.service import Service
from cookiegate.web.views.forms import check_same_origin, write_counter
from cookiegate.web.views.responses import as_page, page_locale, to_response

#: How much of the newest collected events is counted for the page: a fraction of a second.
COUNTED_BYTES = 256 * 1_048_576
_ENTRY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def make_record_blueprint(service: Service) -> Blueprint:
    """``/preferences/<site>/record`` and what follows an erasure."""
    blueprint = Blueprint("record", __name__)
    count = write_counter(service)

    @blueprint.get("/preferences/<site>/record")
    def show_record(site: str) -> Response:
        """The record of whoever's browser holds the handle; for others a form to bring a receipt."""
        published = service.book.current(site)
        holder = holder_by_handle(service, Call(request.environ), site)
        if holder is None:
            return _find(service, published)
        count(site)  # it reads the event logs
        flash = request.args.get("flash")
        return _record(service, published, holder, flash if flash in get_args(Flash) else None)  # type: ignore[arg-type]

    @blueprint.post("/preferences/<site>/record")
    def act_on_record(site: str) -> BaseResponse:
        """Does what the pages' buttons say, for whoever holds the handle or brings the receipt each time."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count(site)
        act = _chosen_act()
        try:
            holder = _holder(service, site)
        except ReceiptInvalidError as error:
            return _find(service, published, error)
        if holder is None:
            return _find(service, published)
        return _gone(service, published, holder) if holder.is_erased else act(service, published, holder)

    @blueprint.get("/preferences/<site>/record/erased")
    def show_erased(site: str) -> Response:
        """What an erasure did, by its entry in the ledger, which says nothing about a person."""
        published, entry_id = service.book.current(site), request.args.get("entry", "")
        entry = service.storage.entry(entry_id) if _ENTRY.fullmatch(entry_id) else None
        if entry is None or entry.kind != "erasure" or entry.site != site:
            raise NotFoundError("the ledger has no such erasure")
        facts = msgspec.json.decode(entry.record)
        return _erased(service, published, facts["recorded_at"], facts["decisions"], entry_id, is_new=True)

    return blueprint


def _holder(service: Service, site: str) -> Holder | None:
    text = _receipt_text()
    return holder_by_receipt(service, site, text) if text else holder_by_handle(service, Call(request.environ), site)


def _receipt_text() -> str:
    """The receipt in the form: carried along, pasted, or as a chosen file."""
    text, file = request.form.get("receipt", "").strip(), request.files.get("file")
    if not text and file is not None:
        text = file.stream.read(4 * RECEIPT_LIMIT_CHARS).decode("utf-8", "replace").strip()
    if not text and (file is not None or "receipt" in request.form):
        raise ReceiptInvalidError("nothing was chosen or pasted", reason="not_json")
    return text


def _see(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    return _record(service, published, holder)


def _json(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    return _download(service, published, holder, "json")


def _csv(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    return _download(service, published, holder, "csv")


def _download(service: Service, published: PublishedPolicy, holder: Holder, form: Form) -> BaseResponse:
    disclosure = _disclose(service, published, holder, page_locale(published.policy))
    return to_response(service.records.download(disclosure, form))


def _disclose(service: Service, published: PublishedPolicy, holder: Holder, locale: str) -> Disclosure:
    days = service.places.refused_days(Call(request.environ), published.policy)
    return service.records.disclose(holder.site, holder.key_id, locale, refused_days=days)


def _restrict(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    service.restriction.restrict(holder.site, holder.key_id, by=BY_PERSON)
    return _back(service, published, holder, "restricted")


def _lift(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    service.restriction.lift(holder.site, holder.key_id, by=BY_PERSON)
    return _back(service, published, holder, "lifted")


def _back(service: Service, published: PublishedPolicy, holder: Holder, flash: Flash) -> BaseResponse:
    """The record again: by a redirect, so that reloading repeats nothing, where no receipt has to come along."""
    if holder.receipt is not None:
        return _record(service, published, holder, flash)
    return redirect(url_for("record.show_record", site=holder.site, flash=flash, lang=request.args.get("lang")), 303)


def _ask_erase(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    notice = _notice(service, published)
    page = erase_page(
        notice,
        _disclose(service, published, holder, notice["locale"]),
        receipt=holder.receipt.text if holder.receipt else None,
        provisions_kept=_span(published, notice)(published.policy.retention.provision_days),
    )
    return _send("record_erase.html", page)


def _erase(service: Service, published: PublishedPolicy, holder: Holder) -> BaseResponse:
    try:
        erased, cookies = erase_record(service, Call(request.environ), holder)
    except OnHoldError as error:
        return _record(service, published, holder, "held", str(error.evidence["ground"]))
    if erased.entry_id is None:  # its time was over a moment before
        return _gone(service, published, holder)
    to = url_for("record.show_erased", site=holder.site, entry=erased.entry_id, lang=request.args.get("lang"))
    response = redirect(to, 303)
    for name, value in cookies:
        response.headers.add(name, value)
    return response


Act = Callable[[Service, PublishedPolicy, Holder], BaseResponse]
_ACTS: dict[str, Act] = {
    "find": _see,
    "see": _see,
    "json": _json,
    "csv": _csv,
    "restrict": _restrict,
    "lift": _lift,
    "ask-erase": _ask_erase,
    "erase": _erase,
}


def _chosen_act() -> Act:
    act = _ACTS.get(request.form.get("do", ""))
    if act is None:
        raise InvalidInputError("the form does not fit", errors={"do": ["must be one of " + ", ".join(_ACTS)]})
    return act


def _record(
    service: Service,
    published: PublishedPolicy,
    holder: Holder,
    flash: Flash | None = None,
    ground: str | None = None,
) -> Response:
    notice = _notice(service, published)
    disclosure = _disclose(service, published, holder, notice["locale"])
    page = record_page(
        notice,
        published.policy.locales,
        disclosure,
        disclosure.overview(COUNTED_BYTES),
        cache(lambda version: _notice_of(service, holder.site, version, notice["locale"])),
        receipt=holder.receipt.text if holder.receipt else None,
        span=_span(published, notice),
        flash=flash,
        ground=ground,
    )
    page["incidents"] = incident_cards(service.incidents.affecting(holder.key_id), notice, own=True)
    return _send("record.html", page, 409 if flash == "held" else 200)


def _notice(service: Service, published: PublishedPolicy) -> Notice:
    return completed(service.book.notice(published.policy.site, page_locale(published.policy)).body)


def _span(published: PublishedPolicy, notice: Notice) -> Callable[[int], str]:
    return Phrasebook(published.policy, notice["locale"]).retention


def _notice_of(service: Service, site: str, version: int, locale: str) -> Notice:
    try:
        published = read_edition(service.storage, site, version)
    except (NotFoundError, PolicyError):  # whatever is wrong with it, the person sees their record
        return service.book.notice(site, locale).body
    spoken = locale if locale in published.policy.locales else published.policy.authoritative_locale
    return read_notice(service.storage, published, spoken).body


def _find(service: Service, published: PublishedPolicy, error: ReceiptInvalidError | None = None) -> Response:
    problem = str(error.evidence["reason"]) if error else None
    page = find_page(_notice(service, published), published.policy.locales, problem=problem)
    return _send("record_find.html", page, 422 if error else 200)


def _gone(service: Service, published: PublishedPolicy, holder: Holder) -> Response:
    past = past_erasure(service, holder.key_id)
    if past is None:
        return _erased(service, published, None, 0, None, is_new=False)
    return _erased(service, published, rfc3339(past.erased_at_ms), past.decisions, past.entry_id, is_new=False)


def _erased(
    service: Service,
    published: PublishedPolicy,
    erased_at: str | None,
    decisions: int,
    entry_id: str | None,
    *,
    is_new: bool,
) -> Response:
    page = erased_page(
        _notice(service, published),
        published.policy.locales,
        erased_at=erased_at,
        decisions=decisions,
        proof=proof_address(service, entry_id),
        is_new=is_new,
    )
    return _send("record_erased.html", page)


def _send(template: str, page: dict[str, Any], status: int = 200) -> Response:
    return as_page(make_response(render_template(template, **page), status), page["lang"])

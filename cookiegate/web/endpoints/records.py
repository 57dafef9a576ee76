"""``/v1/sites/<site>/record``: what is recorded about whoever holds the handle or a receipt, and ending that."""

from __future__ import annotations

from typing import Any

from cookiegate.clock import rfc3339
from cookiegate.errors import ConsentMissingError, InvalidInputError, NotFoundError, RecordErasedError
from cookiegate.ledger.receipt_reading import RECEIPT_LIMIT_CHARS
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.locales import negotiate
from cookiegate.rights.erasure import Erased
from cookiegate.web.bodies import load_body
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.origins import check_origin
from cookiegate.web.possession import Holder, holder_by_handle, holder_by_receipt, is_of_browser, past_erasure
from cookiegate.web.records import FORMS, Form
from cookiegate.web.schemas import RecordBodySchema
from cookiegate.web.service import Service
from cookiegate.web.visitors import forget_cookies

#: Who did it, in the ledger: the person, by what they hold.
BY_PERSON = "self"
_BODY_LIMIT_BYTES = 2 * RECEIPT_LIMIT_CHARS
_schema = RecordBodySchema()


def read_record(service: Service, call: Call, site: str) -> Reply:
    """The whole record, as JSON or with ``format=csv`` as a table."""
    published, form = service.book.current(site), _form(call)
    holder = _holder(service, call, published)
    if holder.is_erased:
        raise gone(service, holder)
    locale = negotiate(published.policy, call.query("lang"), call.header("HTTP_ACCEPT_LANGUAGE"))
    days = service.places.refused_days(call, published.policy)
    return service.records.download(service.records.disclose(site, holder.key_id, locale, refused_days=days), form)


def act_on_record(service: Service, call: Call, site: str, act: str) -> Reply:
    """Erases the record, restricts its use, or lifts that."""
    published = service.book.current(site)
    if act not in ("erase", "restrict", "lift"):
        raise NotFoundError("a record can be erased, restricted, or its restriction lifted")
    holder = _holder(service, call, published)
    if act == "erase":
        return _erase(service, call, holder)
    if holder.is_erased:
        raise gone(service, holder)
    change = service.restriction.restrict if act == "restrict" else service.restriction.lift
    change(site, holder.key_id, by=BY_PERSON)
    return json_reply({"site": site, "restricted": act == "restrict"})


def erase_record(service: Service, call: Call, holder: Holder) -> tuple[Erased, list[tuple[str, str]]]:
    """Erases whoever showed that the record is theirs, through whichever door they came.

    Returns:
        What was erased, and the headers that make the browser forget it where it is the browser's own.

    Raises:
        OnHoldError: a legal hold keeps it.
        StorageError: a retry is safe.
    """
    own = is_of_browser(service, call, holder)
    erased = service.erasure.erase(holder.key_id, site=holder.site, by=BY_PERSON)
    return erased, forget_cookies(service, call, holder.site) if own else []


def proof_address(service: Service, entry_id: str | None) -> str | None:
    """Where the ledger proves an entry."""
    return entry_id and f"{service.settings.base_url}/ledger/proof/{entry_id}"


def gone(service: Service, holder: Holder) -> RecordErasedError:
    """The error for a receipt whose record was erased."""
    erased = past_erasure(service, holder.key_id)
    entry = erased.entry_id if erased else None
    at = rfc3339(erased.erased_at_ms) if erased else None
    return RecordErasedError("the record of this receipt was erased", entry=entry, erased_at=at)


def _holder(service: Service, call: Call, published: PublishedPolicy) -> Holder:
    site, text = published.policy.site, None
    if call.method == "POST":
        check_origin(call, published.policy, service.own_origin)
        text = _body(call)["receipt"]
    if text is not None:
        return holder_by_receipt(service, site, text)
    holder = holder_by_handle(service, call, site)
    if holder is None:
        raise ConsentMissingError("this browser holds no handle of a record; send a receipt of it by POST")
    return holder


def _body(call: Call) -> dict[str, Any]:
    if (call.header("CONTENT_LENGTH") or "0") == "0":
        return {"receipt": None}
    return load_body(call, _BODY_LIMIT_BYTES, _schema)


def _form(call: Call) -> Form:
    wanted = call.query("format") or FORMS[0]
    for form in FORMS:
        if form == wanted:
            return form
    raise InvalidInputError("there is no such form", errors={"format": ["must be one of " + ", ".join(FORMS)]})


def _erase(service: Service, call: Call, holder: Holder) -> Reply:
    erased, cookies = erase_record(service, call, holder)
    reply = json_reply(
        {
            "site": holder.site,
            "erased": True,
            "decisions": erased.decisions,
            "entry": erased.entry_id,
            "proof": proof_address(service, erased.entry_id),
        }
    )
    reply.headers += cookies
    return reply

"""The preferences page, usable without JavaScript."""

from __future__ import annotations

import re
import secrets
from typing import get_args

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from cookiegate.consent.current import Consent, consent_of
from cookiegate.consent.deciding import Decided, DecisionRequest
from cookiegate.consent.device import read_device
from cookiegate.consent.grants import PRESSED, Action
from cookiegate.errors import BotDeniedError, CookiegateError, InvalidInputError
from cookiegate.ledger.receipts import sign_receipt
from cookiegate.policy.document import PublishedPolicy
from cookiegate.web.bodies import IDEMPOTENCY_KEY
from cookiegate.web.call import Call
from cookiegate.web.endpoints.decisions import Answer
from cookiegate.web.group_sharing import share_decision
from cookiegate.web.guidance import guidance_for
from cookiegate.web.iab import listed_vendors
from cookiegate.web.incident_view import incident_cards
from cookiegate.web.notes import signal_note
from cookiegate.web.notice_view import Context
from cookiegate.web.pages import Flash, preferences_page
from cookiegate.web.preferences_form import submission_key
from cookiegate.web.schemas import EPOCH_MAX
from cookiegate.web.service import Service
from cookiegate.web.taking import take_decision
from cookiegate.web.theme import theme_css
from cookiegate.web.vendor_view import vendors_card
from cookiegate.web.views.forms import check_same_origin, write_counter
from cookiegate.web.views.responses import as_page, page_locale
from cookiegate.web.visitors import consent_now, handle_of, signal_of, void_pending

THEME_MAX_AGE_S = 300
NOTICE_DIGEST = re.compile(r"[0-9a-f]{64}")
FLASHES: dict[str, Flash] = {"accept": "saved", "choose": "saved", "reject": "refused", "withdraw": "withdrawn"}


def make_pages_blueprint(service: Service) -> Blueprint:
    """``/preferences/<site>``."""
    blueprint = Blueprint("pages", __name__)
    count = write_counter(service)

    @blueprint.get("/preferences/<site>")
    def show_preferences(site: str) -> Response:
        """The current choice, what is collected and why, and a form to change it."""
        flash = request.args.get("flash")
        return _preferences(service, site, flash if flash in get_args(Flash) else None)  # type: ignore[arg-type]

    @blueprint.post("/preferences/<site>")
    def change_preferences(site: str) -> BaseResponse:
        """Takes the form's decision, then shows the page again; a refusal's receipt comes with that answer alone."""
        published = service.book.current(site)
        check_same_origin(service.own_origin)
        count(site)
        return _change(service, published)

    @blueprint.get("/preferences/<site>/theme.css")
    def theme(site: str) -> Response:
        """The policy's colours."""
        css = theme_css(service.book.current(site).policy.theme)
        headers = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": f"public, max-age={THEME_MAX_AGE_S}"}
        return Response(css, headers=headers)

    return blueprint


def _preferences(service: Service, site: str, flash: Flash | None) -> Response:
    published = service.book.current(site)
    return _render(service, published, consent_now(service, Call(request.environ), published), flash)


def _render(
    service: Service, published: PublishedPolicy, consent: Consent, flash: Flash | None, receipt: str | None = None
) -> Response:
    call, site, locale = Call(request.environ), published.policy.site, page_locale(published.policy)
    page = preferences_page(
        service.book.notice(site, locale).body,
        consent.shown(),
        guidance_for(read_device(call.header("HTTP_USER_AGENT")), locale),
        locales=published.policy.locales,
        idempotency_key=secrets.token_urlsafe(24),
        ui=service.surfaces.current(site, locale, "preferences").digest,
        flash=flash,
        receipt=receipt,
    )
    page["signal"] = signal_note(consent, service.book.notice(site, locale).body["texts"])
    page["incidents"] = _incidents(service, call, site, locale)
    page["vendors"] = vendors_card(
        service.book.notice(site, locale).body, listed_vendors(published.policy, service.vendor_list)
    )
    return as_page(make_response(render_template("preferences.html", **page)), locale)


def _incidents(service: Service, call: Call, site: str, locale: str) -> list[Context]:
    """The accidents that whoever holds the handle is affected by."""
    row = service.decider.find(site, handle_of(call, site))
    found = service.incidents.affecting(row.key_id) if row else []
    return incident_cards(found, service.book.notice(site, locale).body, own=True)


def _change(service: Service, published: PublishedPolicy) -> BaseResponse:
    call, site = Call(request.environ), published.policy.site
    try:
        asked = _read_form(service, published, call)
        decided = take_decision(service, published, asked)
    except InvalidInputError:
        raise
    except CookiegateError as error:
        if error.code not in ("notice_stale", "epoch_stale", "idempotency_conflict"):
            raise
        return _back(site, "error")
    flash, answer = FLASHES[request.form["action"]], Answer(service, call, published, own_page=True)
    headers = answer.reply(decided).headers
    if decided.superseded:
        response = _back(site, "error")
    else:
        response = _back(site, flash) if decided.handle else _show_refusal(service, decided, answer.consent, flash)
        headers += void_pending(service, call, published.policy)
    if published.policy.share is not None:
        headers += share_decision(service, call, published, asked, decided)
    for name, value in headers:
        if name == "Set-Cookie":
            response.headers.add(name, value)
    return response


def _show_refusal(service: Service, decided: Decided, made: Consent, flash: Flash) -> Response:
    """The page right after a refusal, with its receipt.

    The browser keeps nothing that leads back to the decision, so no address that it could be sent on to has the
    receipt. Loading the answer again sends the same form: it is the same decision, and the same receipt.
    """
    left = consent_of(
        made.published,
        None,
        made.choice_cookie(),
        service.clock.now_ms(),
        standing=made.standing,
        refused_days=lambda: made.refused_days,
    )
    receipt = sign_receipt(service.keyring.active, service.receipts, decided.row)
    return _render(service, made.published, left, flash, receipt)


def _back(site: str, flash: Flash) -> BaseResponse:
    return redirect(url_for("pages.show_preferences", site=site, flash=flash, lang=request.args.get("lang")), 303)


def _read_form(service: Service, published: PublishedPolicy, call: Call) -> DecisionRequest:
    """The decision in a submitted form.

    Raises:
        InvalidInputError: a field that our own page would not have sent.
        BotDeniedError: a robot.
    """
    form, faults = request.form, {}
    action, epoch = form.get("action"), form.get("epoch", "")
    if action not in PRESSED:
        faults["action"] = ["must be one of " + ", ".join(PRESSED)]
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) <= len(str(EPOCH_MAX)) and int(epoch) <= EPOCH_MAX):
        faults["epoch"] = ["must be a number"]
    if NOTICE_DIGEST.fullmatch(form.get("notice", "")) is None:
        faults["notice"] = ["must be the 64 hex digits of a SHA-256"]
    if IDEMPOTENCY_KEY.fullmatch(form.get("key", "")) is None:
        faults["key"] = ["must be 16 to 128 letters, digits, - or _"]
    if faults:
        raise InvalidInputError("the form does not fit", errors=faults)
    device = read_device(call.header("HTTP_USER_AGENT"))
    if device.is_bot:
        raise BotDeniedError("a robot cannot consent for anyone")
    chosen: Action = action  # type: ignore[assignment]
    is_choice = chosen == "choose"
    return DecisionRequest(
        notice=form["notice"],
        action=chosen,
        idempotency_key=submission_key(form.to_dict(flat=False)),
        purposes=dict.fromkeys(form.getlist("purposes"), True) if is_choice else None,
        acquire=dict.fromkeys(form.getlist("acquire"), True) if is_choice else None,
        epoch=int(epoch),
        handle=handle_of(call, published.policy.site),
        device=device.facts(),
        ui=service.surfaces.recognise(published.policy.site, form.get("ui")),
        signal=signal_of(call, published),
    )

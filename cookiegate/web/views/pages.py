"""The visitor's pages: preferences and notice, usable without JavaScript."""

from __future__ import annotations

import secrets
from typing import get_args

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_limiter.errors import RateLimitExceeded
from werkzeug.wrappers import Response as BaseResponse

from cookiegate.clock import rfc3339
from cookiegate.consent.deciding import DecisionRequest
from cookiegate.consent.device import read_device
from cookiegate.consent.grants import ACTIONS, Action
from cookiegate.errors import BotDeniedError, CookiegateError, InvalidInputError, OriginDeniedError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.notice import negotiate
from cookiegate.web.bodies import IDEMPOTENCY_KEY
from cookiegate.web.call import Call
from cookiegate.web.endpoints.decisions import answer_decision, take_decision
from cookiegate.web.guidance import guidance_for
from cookiegate.web.pages import Flash, notice_page, preferences_page
from cookiegate.web.preferences_form import submission_key
from cookiegate.web.schemas import EPOCH_MAX
from cookiegate.web.service import Service
from cookiegate.web.theme import theme_css
from cookiegate.web.visitors import consent_now, handle_of

THEME_MAX_AGE_S = 300
FLASHES: dict[str, Flash] = {"accept": "saved", "choose": "saved", "reject": "refused", "withdraw": "withdrawn"}


def make_pages_blueprint(service: Service) -> Blueprint:
    """``/preferences/<site>`` and ``/notice/<site>``."""
    blueprint = Blueprint("pages", __name__)
    count = service.limits.counter(service.limits.writes)

    @blueprint.get("/preferences/<site>")
    def show_preferences(site: str) -> Response:
        """The current choice, what is collected and why, and a form to change it."""
        flash = request.args.get("flash")
        return _preferences(service, site, flash if flash in get_args(Flash) else None)  # type: ignore[arg-type]

    @blueprint.post("/preferences/<site>")
    def change_preferences(site: str) -> BaseResponse:
        """Takes the form's decision, then shows the page again."""
        published = service.book.current(site)
        _check_same_origin(service.own_origin)
        try:
            count()
        except RateLimitExceeded:
            call = Call(request.environ)
            raise service.limits.exhausted(service.limits.writes, call, site) from None
        return _change(service, published)

    @blueprint.get("/preferences/<site>/theme.css")
    def theme(site: str) -> Response:
        """The policy's colours."""
        css = theme_css(service.book.current(site).policy.theme)
        headers = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": f"public, max-age={THEME_MAX_AGE_S}"}
        return Response(css, headers=headers)

    @blueprint.get("/notice/<site>")
    def show_notice(site: str) -> Response:
        """The whole current notice, for anyone."""
        published = service.book.current(site)
        body = service.book.notice(site, _locale(published)).body
        at = rfc3339(published.published_at_ms)
        page = notice_page(body, locales=published.policy.locales, published_at=at)
        return _page(make_response(render_template("notice.html", **page)), body["locale"])

    return blueprint


def _locale(published: PublishedPolicy) -> str:
    return negotiate(published.policy, request.args.get("lang"), request.headers.get("Accept-Language"))


def _page(response: Response, locale: str) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = locale
    response.headers.add("Vary", "Accept-Language, Cookie")
    return response


def _preferences(service: Service, site: str, flash: Flash | None) -> Response:
    published, call = service.book.current(site), Call(request.environ)
    locale = _locale(published)
    page = preferences_page(
        service.book.notice(site, locale).body,
        consent_now(service, call, published).shown(),
        guidance_for(read_device(call.header("HTTP_USER_AGENT")), locale),
        locales=published.policy.locales,
        idempotency_key=secrets.token_urlsafe(24),
        flash=flash,
    )
    return _page(make_response(render_template("preferences.html", **page)), locale)


def _check_same_origin(own_origin: str) -> None:
    """A form is only taken from the page that we served (CSRF): same origin by ``Sec-Fetch-Site``, else by ``Origin``.

    Behind a proxy the browser's origin is the public one, which the settings name.

    Source: Fetch Metadata Request Headers (W3C); a browser that sends neither header sends no cross-site form either.
    """
    fetch_site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if fetch_site is not None and fetch_site != "same-origin":
        raise OriginDeniedError("this form is only taken from its own page")
    if fetch_site is None and origin is not None and origin not in (own_origin, request.host_url.rstrip("/")):
        raise OriginDeniedError("this form is only taken from its own page")


def _change(service: Service, published: PublishedPolicy) -> BaseResponse:
    call, site = Call(request.environ), published.policy.site
    try:
        decided = take_decision(service, published, _read_form(published, call))
    except InvalidInputError:
        raise
    except CookiegateError as error:
        if error.code not in ("notice_stale", "epoch_stale", "idempotency_conflict"):
            raise
        return _back(site, "error")
    response = _back(site, "error" if decided.superseded else FLASHES[request.form["action"]])
    for name, value in answer_decision(service, published, decided).headers:
        if name == "Set-Cookie":
            response.headers.add(name, value)
    return response


def _back(site: str, flash: Flash) -> BaseResponse:
    return redirect(url_for("pages.show_preferences", site=site, flash=flash, lang=request.args.get("lang")), 303)


def _read_form(published: PublishedPolicy, call: Call) -> DecisionRequest:
    """The decision in a submitted form.

    Raises:
        InvalidInputError: a field that our own page would not have sent.
        BotDeniedError: a robot.
    """
    form, faults = request.form, {}
    action, epoch = form.get("action"), form.get("epoch", "")
    if action not in ACTIONS:
        faults["action"] = ["must be one of " + ", ".join(ACTIONS)]
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) <= len(str(EPOCH_MAX)) and int(epoch) <= EPOCH_MAX):
        faults["epoch"] = ["must be a number"]
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
        notice=form.get("notice", ""),
        action=chosen,
        idempotency_key=submission_key(form.to_dict(flat=False)),
        purposes=dict.fromkeys(form.getlist("purposes"), True) if is_choice else None,
        acquire=dict.fromkeys(form.getlist("acquire"), True) if is_choice else None,
        epoch=int(epoch),
        handle=handle_of(call, published.policy.site),
        device=device.facts(),
    )

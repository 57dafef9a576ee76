"""From replies to Flask's responses, and what every answer of Flask carries."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from flask import Response, make_response, render_template, request

from cookiegate.policy.document import Policy
from cookiegate.policy.locales import negotiate
from cookiegate.web.call import Reply
from cookiegate.web.pages import error_page
from cookiegate.web.problems import PROBLEM
from cookiegate.web.security import PAGE_POLICY, security_headers, transport_headers


def to_response(reply: Reply) -> Response:
    """A reply as Flask sends it."""
    response = Response(reply.body if reply.stream is None else reply.stream, reply.status)
    response.headers.clear()
    for name, value in reply.headers:
        response.headers.add(name, value)
    if reply.stream is None and reply.status not in (204, 304):
        response.headers["Content-Length"] = str(len(reply.body))
    return response


def page_locale(policy: Policy) -> str:
    """The locale of a page for the current request: the one asked for, else one that the browser prefers."""
    return negotiate(policy, request.args.get("lang"), request.headers.get("Accept-Language"))


def as_page(response: Response, locale: str) -> Response:
    """A page about one visitor, in one locale: no cache keeps it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = locale
    response.headers.add("Vary", "Accept-Language, Cookie")
    return response


def show_problem(reply: Reply) -> Response:
    """A problem document, or a page with the same words for a browser that asked for one."""
    if request.accept_mimetypes.best_match([PROBLEM, "text/html"], default=PROBLEM) != "text/html":
        return to_response(reply)
    problem = msgspec.json.decode(reply.body)
    locale = request.accept_languages.best_match(["ja", "en"], default="en") or "en"
    page = make_response(render_template("error.html", **error_page(problem, locale)), reply.status)
    for name, value in reply.headers:
        if name in ("Allow", "Retry-After"):
            page.headers[name] = value
    page.headers["Cache-Control"] = "no-store"
    page.headers.add("Vary", "Accept, Accept-Language")
    return page


def secure(base_url: str) -> Callable[[Response], Response]:
    """A hook that adds the security headers which an answer does not carry yet."""
    for_pages, for_others = security_headers(base_url, PAGE_POLICY), security_headers(base_url)
    for_nothing = transport_headers(base_url)

    def add(response: Response) -> Response:
        wanted = for_pages if response.mimetype == "text/html" else for_others
        for name, value in for_nothing if response.status_code == 204 else wanted:
            response.headers.setdefault(name, value)
        return response

    return add

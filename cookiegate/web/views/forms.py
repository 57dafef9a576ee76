"""What every form of the visitor's pages goes through: from our own page only, and not too often."""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from flask_limiter.errors import RateLimitExceeded

from cookiegate.errors import OriginDeniedError
from cookiegate.web.call import Call
from cookiegate.web.limiting import Allowance
from cookiegate.web.service import Service


def check_same_origin(own_origin: str) -> None:
    """A form is only taken from the page that we served (CSRF): same origin by ``Sec-Fetch-Site``, else by ``Origin``.

    Behind a proxy the browser's origin is the public one, which the settings name.

    Raises:
        OriginDeniedError: it came from elsewhere.

    Source: Fetch Metadata Request Headers (W3C); a browser that sends neither header sends no cross-site form either.
    """
    fetch_site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if fetch_site is not None and fetch_site != "same-origin":
        raise OriginDeniedError("this form is only taken from its own page")
    if fetch_site is None and origin is not None and origin not in (own_origin, request.host_url.rstrip("/")):
        raise OriginDeniedError("this form is only taken from its own page")


def write_counter(service: Service) -> Callable[[str], None]:
    """A function that counts the current request, for a site, against the limit of writes.

    Calling it raises RateLimitedError when this client has had its share.
    """
    return form_counter(service, service.limits.writes)


def form_counter(service: Service, allowance: Allowance) -> Callable[[str], None]:
    """The same for any limit."""
    count = service.limits.counter(allowance)

    def count_form(site: str) -> None:
        try:
            count()
        except RateLimitExceeded:
            raise service.limits.exhausted(allowance, Call(request.environ), site) from None

    return count_form

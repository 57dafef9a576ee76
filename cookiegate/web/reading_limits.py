"""Pages, proofs and feeds are worked out anew for whoever asks: every read through Flask is counted, but for a few."""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from cookiegate.web.call import Call
from cookiegate.web.service import Service

#: Rule -> why nobody counts it. ``tests/security`` holds the rest of the routes to an allowance of some kind.
UNCOUNTED = {
    "/healthz": "probes of the operator's own machines, and no work",
    "/readyz": "probes of the operator's own machines",
    "/metrics": "asked for by the operator's own monitoring; the proxy in front keeps strangers away",
    "/static/<path:filename>": "files as they lie on the disk",
}


def count_reads(service: Service) -> Callable[[], None]:
    """A ``before_request`` hook. Hot routes are counted at the desk, and forms after the check of their origin: a page
    elsewhere must not use up what its visitors are allowed. Streams take no cookies, so that both methods count here.

    The hook raises RateLimitedError when this client has had its share.
    """

    def count() -> None:
        rule = request.url_rule
        if rule is None or rule.rule in UNCOUNTED or request.blueprint == "hot":
            return
        if request.method in ("GET", "HEAD") or request.blueprint == "streams":
            site = (request.view_args or {}).get("site", "")
            service.limits.hit(service.limits.reads, Call(request.environ), site)

    return count

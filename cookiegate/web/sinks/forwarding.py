"""The collector behind us: stripped requests are sent on to it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from cookiegate.errors import CookiegateError
from cookiegate.gate import AcceptedRequest
from cookiegate.web.sinks.deadlines import Deadlines

#: For a whole exchange, however its bytes come.
FORWARD_TIMEOUT_S = 5.0
_DROPPED_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding", "content-encoding"})


class UpstreamError(CookiegateError):
    """The collector behind the gate did not take the event; the tracker may send it again."""

    code = "upstream_unavailable"


class ForwardSink:
    """Sends stripped requests on to the collector behind the gate.

    Args:
        base_url: its address; the tracker's own path is added.
        threads: request threads of this process; half of them may wait for the collector, so that one that hangs
            takes neither the banner nor a withdrawal with it.
        timeout_s: for a whole exchange.
    """

    def __init__(self, base_url: str, threads: int, timeout_s: float = FORWARD_TIMEOUT_S) -> None:
        self._base_url = base_url
        self._places = threading.BoundedSemaphore(max(1, threads // 2))
        self._deadlines = Deadlines(timeout_s)
        self._opener = urllib.request.build_opener(_NoRedirects, *self._deadlines.handlers())

    def take(self, site: str, accepted: AcceptedRequest) -> None:
        """Sends one stripped request and returns when the collector took it."""
        path = accepted.path.removeprefix(f"/collect/{accepted.tracker}")
        headers = {name: value for name, value in accepted.headers.items() if name not in _DROPPED_HEADERS}
        if accepted.ip is not None:
            headers["X-Forwarded-For"] = accepted.ip
        headers["X-Consent-Subject"] = accepted.claims.sub
        headers["X-Consent-Scope"] = accepted.claims.scope
        headers["X-Consent-Acquire"] = accepted.claims.acquire
        request = urllib.request.Request(  # noqa: S310  the operator's own http(s) address, checked by the settings
            self._base_url + path, data=accepted.body, headers=headers, method=accepted.method
        )
        if not self._places.acquire(blocking=False):
            raise UpstreamError("the collector is slow and too many events wait for it; send this one again")
        try:
            with self._deadlines.exchange(), self._opener.open(request, timeout=self._deadlines.limit_s):
                return
        except (urllib.error.URLError, OSError, HTTPException) as error:
            raise UpstreamError("the collector did not take the event", cause=type(error).__name__) from error
        finally:
            self._places.release()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A collector that redirects is misconfigured; following it could leave the operator's network."""

    def redirect_request(self, *_: Any) -> None:
        return None

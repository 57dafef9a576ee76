"""Between the wire and an endpoint: methods, limits, errors, CORS, security headers, counters.

The front and Flask's views both send a call through here, so that neither can forget a rule.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cookiegate.errors import CookiegateError, RateLimitedError
from cookiegate.gate.carriers import says_refused
from cookiegate.web.call import Call, Reply, status_line
from cookiegate.web.endpoints.gates import NO_STORE, agreed_status
from cookiegate.web.evidence_notes import note_write
from cookiegate.web.limiting import Allowance
from cookiegate.web.logs import get_logger
from cookiegate.web.origins import allow_origin, preflight
from cookiegate.web.problems import WRONG_METHOD, problem_reply, reply_to_error
from cookiegate.web.routes import COLLECT, GATE_CHECK, Route
from cookiegate.web.security import security_headers, transport_headers
from cookiegate.web.service import Service
from cookiegate.web.sinks.upstreams import says_who_reads


class Desk:
    """Answers calls on routes of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._allowances: Mapping[str, Allowance] = {
            "writes": service.limits.writes,
            "tokens": service.limits.tokens,
            "events": service.limits.events,
            "requests": service.limits.requests,
        }
        self._security = security_headers(service.settings.base_url)
        self._transport = transport_headers(service.settings.base_url)
        self._doors, self._count_check = service.doors, service.metrics.checked
        self._passed = {
            200: (status_line(200), [NO_STORE, *self._secured(200), ("Content-Length", "0")]),
            204: (status_line(204), [NO_STORE, *self._secured(204)]),
        }

    def answer(self, route: Route, call: Call, args: Mapping[str, str], *, limited: bool = False) -> Reply:
        """The reply to a call on a route.

        Args:
            route: where it goes.
            call: the request.
            args: the path's arguments.
            limited: whether the caller has counted it against the route's rate limit already.
        """
        started = time.perf_counter()
        try:
            reply = self._dispatch(route, call, args, limited)
        except CookiegateError as error:
            reply = self._refuse(route, error)
        except Exception:
            get_logger().exception("unexpected_error", route=route.name, method=call.method)
            reply = problem_reply("internal_error", "something went wrong here; the log has the details")
        return self.finish(route, call, args, reply, time.perf_counter() - started)

    def quick_check(self, environ: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]] | None:
        """The answer to the commonest check, made with nothing but what it needs: ``answer`` gives the same one.

        It is a check whose query was settled before, with a good token in the header that decides first. Measured: a
        third of the cost of ``answer``; its time is left out of ``cookiegate_request_seconds``.

        Returns:
            The status line and the headers of an answer without a body. None when the check is of another kind, or is
            to be refused.
        """
        token = environ.get("HTTP_X_CONSENT_TOKEN")
        query = environ.get("QUERY_STRING", "")
        gate = self._doors.asked_before(query)
        if not token or gate is None or environ["REQUEST_METHOD"] not in GATE_CHECK.methods:
            return None
        if says_refused(environ.get("HTTP_COOKIE", "")):
            return None
        claims = gate.check(token.strip()).claims
        if claims is None:
            return None
        status = agreed_status(Call(environ)) if "status=" in query else 204
        self._count_check(status)
        line, always = self._passed[status]
        return line, [*always, *self._doors.allowed(gate, claims)]

    def _dispatch(self, route: Route, call: Call, args: Mapping[str, str], limited: bool) -> Reply:
        service = self._service
        if call.method == "OPTIONS":
            return self._preflight(route, call, args)
        if call.method not in route.methods and not (call.method == "HEAD" and "GET" in route.methods):
            return problem_reply("method_not_allowed", WRONG_METHOD).add("Allow", route.allowed)
        if route.allowance is not None and not limited:
            service.limits.hit(self._allowances[route.allowance], call, args.get("site", ""))
        return route.endpoint(service, call, **args)

    def _preflight(self, route: Route, call: Call, args: Mapping[str, str]) -> Reply:
        if route.cors:
            policy = self._service.book.current(args["site"]).policy
            return preflight(call, policy, ", ".join(route.methods)).add("Allow", route.allowed)
        if route.endpoint.__module__.endswith((".gates", ".collecting")):
            return route.endpoint(self._service, call, **args)
        return Reply(204).add("Allow", route.allowed)

    def _refuse(self, route: Route, error: CookiegateError) -> Reply:
        if error.code in ("storage_unavailable", "internal_error"):
            get_logger().error("request_failed", route=route.name, code=error.code, cause=error.evidence.get("cause"))
        return reply_to_error(error)

    def _allow_origin(self, call: Call, site: str, reply: Reply) -> None:
        book = self._service.book
        if book.knows(site):
            allow_origin(call, book.current(site).policy, reply)
        else:
            reply.add("Vary", "Origin")

    def _allow_collected(self, call: Call, reply: Reply) -> None:
        if says_who_reads(reply.headers):  # the collector behind us did
            return
        try:
            site = self._service.doors.site_of(call)
        except CookiegateError:
            site = ""
        self._allow_origin(call, site, reply)

    def refuse_limited(self, route: Route, call: Call, args: Mapping[str, str], error: RateLimitedError) -> Reply:
        """The reply to a call that flask-limiter stopped."""
        return self.finish(route, call, args, reply_to_error(error), 0.0)

    def finish(self, route: Route, call: Call, args: Mapping[str, str], reply: Reply, seconds: float) -> Reply:
        """Adds what every answer carries, and counts it."""
        service = self._service
        if route is COLLECT and call.method != "OPTIONS":
            self._allow_collected(call, reply)
        elif route.cors and call.method != "OPTIONS":
            self._allow_origin(call, args["site"], reply)
        if route.allowance is not None and call.method != "OPTIONS":
            service.limits.describe(self._allowances[route.allowance], call, args.get("site", ""), reply)
        if route.allowance == "writes":
            note_write(service, call, args["site"], route.name, reply.status)
        reply.headers += self._secured(reply.status)
        service.metrics.answered(route.name, reply.status, seconds)
        return reply

    def _secured(self, status: int) -> list[tuple[str, str]]:
        return self._transport if status == 204 else self._security

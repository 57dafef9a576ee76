"""The gate over HTTP: a check for proxies, a strip for whoever forwards by themselves."""

from __future__ import annotations

from cookiegate.errors import InvalidInputError
from cookiegate.gate import Gate, Reason, TrackerRequest
from cookiegate.gate.adapters.answers import main_reason
from cookiegate.gate.carriers import TOKEN_PARAMETER, request_tokens, says_refused
from cookiegate.gate.counts import Counts
from cookiegate.gate.shapes import join
from cookiegate.gate.trackers.table import Route
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.verifying import DENIED
from cookiegate.web.call import Call, Reply, read_query
from cookiegate.web.problems import problem_reply
from cookiegate.web.service import Service

NO_STORE = ("Cache-Control", "no-store")
#: The token was good and the consent says no: 403. Everything else about a token is 401.
FORBIDDEN = frozenset(
    {
        Reason.WITHDRAWN,
        Reason.EPOCH_STALE,
        Reason.POLICY_OUTDATED,
        Reason.PURPOSE_NOT_GRANTED,
        Reason.PURPOSE_UNKNOWN,
        Reason.RECIPIENT_NOT_COVERED,
    }
)
_NOT_THE_TOKEN = {
    Reason.EVENT_MALFORMED: "input_invalid",
    Reason.EVENT_UNKNOWN: "input_invalid",
    Reason.TRACKER_MISMATCH: "input_invalid",
    Reason.BODY_TOO_LARGE: "body_too_large",
    Reason.ENCODING_UNKNOWN: "input_invalid",
}
#: Headers in which proxies hand over the address of the request that they ask about.
_ASKED_URI = ("HTTP_X_ORIGINAL_URI", "HTTP_X_FORWARDED_URI")


def check(service: Service, call: Call) -> Reply:
    """Forward-auth: 204 with what is allowed, else 401 or 403 with the reason."""
    if call.method == "OPTIONS":  # a CORS preflight never carries a token, and no event either
        return Reply(204, b"", [NO_STORE])
    status = agreed_status(call)
    gate = service.doors.checked_by(call, _purpose(call), call.query("recipient"))
    headers = {"x-consent-token": call.header("HTTP_X_CONSENT_TOKEN") or "", "cookie": call.header("HTTP_COOKIE") or ""}
    tokens = request_tokens(headers, {TOKEN_PARAMETER: _query_token(call)})
    verdict = DENIED[Reason.WITHDRAWN] if says_refused(headers["cookie"]) else gate.check(tokens[0] if tokens else None)
    if verdict.claims is not None:
        note_provision(service, gate, verdict.claims)
    service.metrics.verdict("check", verdict.reason)
    if verdict.claims is None:
        return _refusal(verdict.reason)
    return Reply(status, b"", [NO_STORE, *service.doors.allowed(gate, verdict.claims)])


def agreed_status(call: Call) -> int:
    """How a check says yes: 204, or 200 for a proxy that takes nothing else for a yes (``status=200``)."""
    asked = call.query("status")
    if asked not in (None, "200", "204"):
        raise InvalidInputError("a check says yes by status=204 or status=200", errors={"status": ["unknown"]})
    return 200 if asked == "200" else 204


def note_provision(service: Service, gate: Gate, claims: Claims) -> None:
    """Records, before anything goes to a recipient, that it goes there: what cannot be recorded does not go (S12)."""
    if gate.providing is not None:
        service.provisions.note(gate.providing, claims, gate.allowed(claims))


def _query_token(call: Call) -> str:
    for name in _ASKED_URI:
        found = read_query((call.header(name) or "").partition("?")[2]).get(TOKEN_PARAMETER)
        if found:
            return found[0]
    return call.query(TOKEN_PARAMETER) or ""


def _purpose(call: Call) -> str:
    purpose = call.query("purpose")
    if not purpose:
        raise InvalidInputError("name what the data is for: ?purpose=<key>", errors={"purpose": ["needed"]})
    return purpose


def _refusal(reason: Reason) -> Reply:
    code = _NOT_THE_TOKEN.get(reason) or ("purpose_refused" if reason in FORBIDDEN else "token_refused")
    reply = problem_reply(code, f"nothing may be logged: {reason.value}", reason=reason.value)
    if reply.status == 401:
        reply.add("WWW-Authenticate", 'Consent realm="events"')
    return reply.add("X-Consent-Reason", reason.value)


def strip(service: Service, call: Call, tracker: str) -> Reply:
    """A tracker's body in, the same body with only what is granted out."""
    gate = service.doors.gate(service.doors.site_of(call), tracker, _purpose(call), call.query("recipient"))
    route = _stripped_route(gate, call.query("path"))
    filtered = gate.filter(tracker_request(service, call, f"{route.path}?{call.environ.get('QUERY_STRING', '')}"))
    for accepted in filtered.accepted:
        note_provision(service, gate, accepted.claims)
    count(service, "strip", tracker, filtered.counts)
    if not filtered.accepted:
        return _refusal(main_reason(filtered.counts))
    headers = [("Content-Type", route.content_type or gate.table.content_type), NO_STORE]
    if len(filtered.accepted) == 1:
        headers += service.doors.allowed(gate, filtered.accepted[0].claims)
    if filtered.counts.dropped:
        dropped = sorted((reason.value, count) for reason, count in filtered.counts.dropped.items())
        headers.append(("X-Consent-Dropped", ", ".join(f"{reason};n={count}" for reason, count in dropped)))
    # One body again from a batch whose events are of several visitors.
    body = join(route, [accepted.body or b"" for accepted in filtered.accepted])
    return Reply(200, body, headers)


def _stripped_route(gate: Gate, path: str | None) -> Route:
    """The address that a body was sent to, as the caller says, and there the route with JSON; else the usual one."""
    if path is None:
        return gate.table.usual_route
    routes = gate.routes("POST", path)
    if not routes:
        message = f"{gate.table.name} does not send to this path; see its row in the gate's reference"
        raise InvalidInputError(message, errors={"path": ["unknown"]})
    return next((route for route in routes if route.events == "body"), routes[0])


def tracker_request(service: Service, call: Call, path: str, *, with_body: bool = True) -> TrackerRequest:
    """A tracker's request as the gate reads it; without its body for whoever reads that piece by piece."""
    headers = {
        name[5:].replace("_", "-").lower(): value for name, value in call.environ.items() if name.startswith("HTTP_")
    }
    headers["content-type"] = call.header("CONTENT_TYPE") or ""
    return TrackerRequest(
        method=call.method,
        path=path,
        headers=headers,
        body=call.read_body(service.settings.collect_limit_bytes) if with_body and call.method != "GET" else None,
        received_at=service.now_text(),
        ip=service.clients.address(call) or None,
    )


def count(service: Service, door: str, tracker: str, counts: Counts) -> None:
    """Counts what a gate did with one request."""
    service.metrics.verdict(door, Reason.OK, counts.accepted)
    for reason, number in counts.dropped.items():
        service.metrics.verdict(door, reason, number)
    service.metrics.stripped.labels(tracker).inc(sum(counts.stripped.values()))

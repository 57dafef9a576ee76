"""``POST /v1/sites/<site>/decisions``: the visitor's act, answered when it is durable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cookiegate.clock import rfc3339
from cookiegate.consent.current import Consent
from cookiegate.consent.deciding import Decided, DecisionRequest
from cookiegate.consent.device import read_device
from cookiegate.consent.grants import scope_of
from cookiegate.consent.records import ShownDecision, read_shown
from cookiegate.errors import BotDeniedError, InvalidInputError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.storage.contract import DecisionRow
from cookiegate.tokens.issuing import DraftToken, IssuedToken
from cookiegate.tokens.signing import Unsigned, sign
from cookiegate.web.bodies import read_decision_body, read_idempotency_key
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.group_sharing import share_decision
from cookiegate.web.origins import check_origin
from cookiegate.web.service import Service
from cookiegate.web.taking import consent_after, take_decision
from cookiegate.web.visitors import handle_of, set_cookies, signal_of


def post_decision(service: Service, call: Call, site: str) -> Reply:
    """Takes a decision as JSON; 201 with decision, consent, receipt and token."""
    published = service.book.current(site)
    check_origin(call, published.policy, service.own_origin)
    device = read_device(call.header("HTTP_USER_AGENT"))
    if device.is_bot:
        raise BotDeniedError("a robot cannot consent for anyone")
    key = read_idempotency_key(call)
    body = read_decision_body(call, service.settings.body_limit_bytes)
    request = DecisionRequest(
        notice=body.notice,
        action=body.action,
        idempotency_key=key,
        purposes=body.purposes,
        acquire=body.acquire,
        epoch=body.epoch,
        handle=handle_of(call, site),
        device=device.facts(),
        ui=service.surfaces.recognise(site, body.ui),
        signal=signal_of(call, published, body.signal),
    )
    if request.action == "signal" and request.signal is None:
        raise InvalidInputError(
            "no signal that counts came along",
            errors={"signal": ["needed for the action signal: what the page's script sees, or the header Sec-GPC"]},
        )
    answer = Answer(service, call, published, published.policy.bindings_asked(body.bind))
    decided = take_decision(service, published, request, answer.begin)
    reply = answer.reply(decided)
    if published.policy.share is not None:
        reply.headers += share_decision(service, call, published, request, decided)
    return reply


class Answer:
    """The answer to a durable decision, made from its row alone, so that a repeated request gets the same.

    What the token is bound to is not in the row: it is not stored, and comes with each request. Nor is the page whose
    request it answers, nor where its visitor is.

    Args:
        call: the request.
        bindings: of the token.
        own_page: whether the request came from one of the service's own pages.
    """

    def __init__(
        self,
        service: Service,
        call: Call,
        published: PublishedPolicy,
        bindings: Mapping[str, str] | None = None,
        *,
        own_page: bool = False,
    ) -> None:
        self._service = service
        self._call = call
        self._published = published
        self._bindings = bindings
        self._page = None if own_page else call
        self._shown: ShownDecision
        self._consent: Consent
        self._unsigned: tuple[Unsigned | None, DraftToken | None] = None, None
        self._signed: tuple[str | None, IssuedToken | None] | None = None

    def begin(self, decided: Decided) -> Callable[[], None]:
        """Makes what is to be signed, and gives what signs it."""
        service, row = self._service, decided.row
        self._shown = read_shown(row.record)
        self._consent = consent_after(service, self._call, self._published, row, self._shown)
        token = draft_token(service, self._published, row, self._consent, self._bindings)
        self._unsigned = draft_receipt(service, row), token
        return self._sign

    @property
    def consent(self) -> Consent:
        """What the decision made, once the answer was begun."""
        return self._consent

    def _sign(self) -> None:
        self._signed = sign_both(*self._unsigned)

    def reply(self, decided: Decided) -> Reply:
        """The answer; what was not begun or signed elsewhere is done now."""
        if self._signed is None:
            self.begin(decided)()
        receipt, token = self._signed or (None, None)
        reply = json_reply(
            {
                "decision": self._shown,
                "consent": self._consent.shown(),
                "receipt": receipt,
                "token": token and token.text,
                "expires_at": token and rfc3339(token.expires_at_ms),
            },
            status=201,
        )
        if decided.superseded:
            return reply
        return set_cookies(self._service, self._page, reply, self._consent, decided.handle, token)


def sign_both(receipt: Unsigned | None, token: DraftToken | None) -> tuple[str | None, IssuedToken | None]:
    """Receipt and token with their signatures."""
    signed = IssuedToken(sign(token.unsigned), token.expires_at_ms) if token else None
    return sign(receipt) if receipt else None, signed


def draft_receipt(service: Service, row: DecisionRow) -> Unsigned | None:
    """The receipt of a decision."""
    return service.receipts.draft(service.keyring.active, row)


def draft_token(
    service: Service,
    published: PublishedPolicy,
    row: DecisionRow,
    consent: Consent,
    bindings: Mapping[str, str] | None = None,
) -> DraftToken | None:
    """The token of a decision that granted something."""
    if row.sub is None or row.slot is None or not consent.grant:
        return None
    service.register.ensure(row.slot.list_id)
    service.following.remember(row)
    service.metrics.issued(row.site)
    return service.issuer.draft(
        site=row.site,
        sub=row.sub,
        policy_version=consent.policy_version or published.version,
        epoch=row.epoch,
        scope=scope_of(published.policy, consent.grant),
        acquire=consent.grant.acquire,
        status_list=row.slot.list_id,
        status_index=row.slot.index,
        issued_at_ms=row.decided_at_ms,
        bindings=bindings,
    )

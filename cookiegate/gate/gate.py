"""The gate: nothing passes without a token that grants the declared purpose, and of that only what it grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cookiegate.gate import bodies, shapes, trackers
from cookiegate.gate.allowance import Allowance, Allowances, IpWhenRefused, PriorConsent
from cookiegate.gate.carriers import Scrubber
from cookiegate.gate.counts import Counts
from cookiegate.gate.event_times import EventTimeRule, receipt_ms
from cookiegate.gate.events import STAMP_FIELD, EventRules, OpenEvent
from cookiegate.gate.filtering import Filtering
from cookiegate.gate.headers import HeaderRules
from cookiegate.gate.projecting import Projections
from cookiegate.gate.quick_lines import PlainLines, QuickLines, RequestLines
from cookiegate.gate.quick_requests import QuickRequests
from cookiegate.gate.request import Filtered, TrackerRequest
from cookiegate.gate.sensitive import rule_of
from cookiegate.gate.trackers.table import Answer, Route
from cookiegate.policy.document import CATEGORIES, LateEvents, Policy, Providing
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.reasons import Denied, Reason
from cookiegate.tokens.verifying import DENIED, Verdict, Verifier


class Gate:
    """Stands in front of one collector for one purpose.

    :meth:`check` and :meth:`filter` may be shared by threads; :meth:`event` and :meth:`line` also add to
    :attr:`counts`, so give each thread its own gate (the verifier may be shared).

    Args:
        verifier: checks the tokens.
        purpose: the purpose that the data is collected for; empty means that nobody declared one, and nothing passes.
        tracker: name of the wire format.
        categories: what the policy lets this purpose collect; what the token grants, when None.
        fields: field → category: instead of the table's for ``plain``, beside it for other trackers.
        ip_when_refused: what becomes of an address that is not granted.
        body_limit_bytes: largest body, before and after inflating.
        mounts: path prefixes, besides none and ``/collect/<tracker>``, under which the tracker's paths are known.
        recipient: key of the recipient that gets the data; None when it stays with the controller.
        recipients: keys of the recipients that may have this purpose's data.
        event_times: whether an event must have happened while its token held (``checked``), or the token must hold now
            whenever the event happened (``ignored``).
        late_events: whether events that happened before a withdrawal still pass after it (``until_withdrawal``).
        prior_consent: sensitive field → the purposes of which one must be granted for it to pass.

    Raises:
        ValueError: for an unknown tracker, category or rule, or a mount that does not begin with a slash.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        purpose: str,
        tracker: str = "plain",
        categories: Iterable[str] | None = None,
        fields: Mapping[str, str] | None = None,
        ip_when_refused: IpWhenRefused = "drop",
        body_limit_bytes: int = bodies.BODY_LIMIT_BYTES,
        mounts: Iterable[str] = (),
        recipient: str | None = None,
        recipients: Iterable[str] = (),
        event_times: EventTimeRule = "checked",
        late_events: LateEvents = "while_granted",
        prior_consent: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.table = trackers.find(tracker)
        self.purpose = purpose
        #: What goes to whom, on what ground; None when the data stays with the controller, or no policy is known.
        self.providing: Providing | None = None
        self.counts = Counts()
        self.verifier = verifier
        # Who may have the data does not depend on the token: a grant covers all recipients of its purposes, or none.
        self._denied = _denied(purpose, recipient, recipients)
        self.body_limit_bytes = body_limit_bytes
        narrowed = None if categories is None else frozenset(categories)
        if narrowed is not None and not narrowed <= set(CATEGORIES):
            raise ValueError(f"unknown categories: {', '.join(sorted(narrowed - set(CATEGORIES)))}")
        if event_times not in ("checked", "ignored") or late_events not in ("while_granted", "until_withdrawal"):
            raise ValueError(f"no such rule for the time of events: {event_times}, {late_events}")
        self.rules = EventRules(self.table, fields)
        self.checks_times = event_times == "checked"
        self._until_withdrawal = late_events == "until_withdrawal"
        prior = (
            PriorConsent(rule_of(name, ""), self.rules.categories.get(name, ""), frozenset(purposes))
            for name, purposes in (prior_consent or {}).items()
        )
        self._allowances = Allowances(purpose, narrowed, ip_when_refused, prior)
        self.header_rules = HeaderRules(self.table)
        mounts = tuple(mounts)
        for mount in mounts:
            if not mount.startswith("/"):
                raise ValueError(f"mounts must begin with a slash: {mount}")
        prefixes = ("", f"/collect/{tracker}", *(mount.rstrip("/") for mount in mounts))
        self.addresses: dict[tuple[str, str], list[Route]] = {}
        for prefix in prefixes:
            for route in self.table.routes:
                self.addresses.setdefault((route.method, prefix + route.path), []).append(route)
        self.projections = Projections(self)
        self.quick = QuickRequests(self)
        self._lines: QuickLines = PlainLines(self) if tracker == "plain" else RequestLines(self)

    @classmethod
    def for_policy(
        cls,
        verifier: Verifier,
        policy: Policy,
        *,
        tracker: str,
        purpose: str | None = None,
        body_limit_bytes: int = bodies.BODY_LIMIT_BYTES,
        mounts: Iterable[str] = (),
        recipient: str | None = None,
    ) -> Gate:
        """A gate as a policy describes it.

        Args:
            verifier: checks the tokens.
            policy: gives the purpose's categories, the collector's fields, and what becomes of refused addresses.
            tracker: name of the wire format.
            purpose: the declared purpose; when None, the one that the policy declares for this tracker's collector.
            body_limit_bytes: as for the class.
            mounts: as for the class.
            recipient: key of the recipient that gets the data; None when it stays with the controller.

        Returns:
            The gate. With a purpose that the policy does not know it lets nothing pass (purpose_unknown), nor with a
            recipient that the purpose does not cover (recipient_not_covered).
        """
        collector = policy.collectors.get(tracker)
        declared = purpose if purpose is not None else (collector.purpose if collector else "")
        known = policy.purpose(declared)
        providing = policy.providing(declared, recipient) if recipient is not None else None
        gate = cls(
            verifier,
            purpose=declared,
            tracker=tracker,
            categories=known.acquire if known else (),
            fields=collector.fields if collector else None,
            ip_when_refused=policy.ip_when_refused,
            body_limit_bytes=body_limit_bytes,
            mounts=mounts,
            recipient=recipient,
            recipients=(providing.recipient.key,) if providing else (),
            late_events=(collector and collector.late_events) or "while_granted",
            prior_consent=collector.prior_consent if collector else None,
        )
        gate.providing = providing
        if declared and known is None:
            gate._denied = DENIED[Reason.PURPOSE_UNKNOWN]
        return gate

    def check(self, token: str | None) -> Verdict:
        """Decides about a token, the declared purpose and the recipient. Never raises for what a stranger sent."""
        if self._denied is not None:
            return self._denied
        verdict = self.verifier.verify(token)
        if verdict.claims is not None and self._allowances.of(verdict.claims) is None:
            return DENIED[Reason.PURPOSE_NOT_GRANTED]
        return verdict

    def received_ms(self, received_at: str | None) -> int:
        """When a request was received, milliseconds since 1970: as it says, but never later than now."""
        return receipt_ms(received_at, self.verifier.now_ms())

    def granted(self, token: Any) -> tuple[Claims, Allowance]:
        """The claims of a token issued for this site and what they allow here, whatever became of them since.

        Raises:
            Denied: with the reason.
        """
        if self._denied is not None:
            raise Denied(self._denied.reason)
        verdict = self.verifier.opened(token)
        if verdict.claims is None:
            raise Denied(verdict.reason)
        allowance = self._allowances.of(verdict.claims)
        if allowance is None:
            raise Denied(Reason.PURPOSE_NOT_GRANTED)
        return verdict.claims, allowance

    def decide_event(self, opened: OpenEvent, token: Any, received_ms: int | None = None) -> tuple[Claims, Allowance]:
        """The claims of the token that an event goes by, and what they allow of the event.

        Args:
            opened: the event.
            token: its own, or its request's.
            received_ms: when it was received, milliseconds since 1970; now when None.

        Raises:
            Denied: with the reason.
        """
        if self._denied is not None:
            raise Denied(self._denied.reason)
        verdict = self.verifier.opened(token)
        claims = verdict.claims
        if claims is None:
            raise Denied(verdict.reason)
        reason = self._standing(claims, opened, received_ms)
        if reason is not Reason.OK:
            raise Denied(reason)
        allowance = self._allowances.of(claims)
        if allowance is None:
            raise Denied(Reason.PURPOSE_NOT_GRANTED)
        if not self.rules.binding.matches(claims, opened.fields):
            raise Denied(Reason.BINDING_MISMATCH)
        return claims, allowance

    @property
    def takes_late_events(self) -> bool:
        """Whether an event may come when its token is over: only where somebody tells what became of the consent."""
        return self.checks_times and self.verifier.knows_withdrawals

    def _standing(self, claims: Claims, opened: OpenEvent, received_ms: int | None) -> Reason:
        """Whether the claims stand now, and stood when the event happened."""
        verifier = self.verifier
        reason = verifier.standing(expires=not self.takes_late_events)(claims)
        if not self.checks_times:
            return reason
        came_ms = verifier.now_ms() if received_ms is None else received_ms
        timely, at_ms = self.rules.times.judge(claims, opened.fields, came_ms, verifier.leeway_s)
        if reason in _ENDED and self._until_withdrawal:
            ended_ms = verifier.ended_ms(claims)
            if ended_ms is not None and at_ms < ended_ms:
                return timely
        return timely if reason is Reason.OK else reason

    def allowed(self, claims: Claims) -> tuple[str, ...]:
        """The acquisition categories that the claims allow here, in the standard order."""
        allowance = self._allowances.of(claims)
        return () if allowance is None else tuple(item for item in CATEGORIES if item in allowance.categories)

    def event(self, event: Mapping[str, Any], received_ms: int | None = None) -> dict[str, Any] | None:
        """Filters one event that carries its own token.

        Args:
            event: the event as its tracker makes it, with its token in it; it is not changed.
            received_ms: when it was received, milliseconds since 1970; now when None.

        Returns:
            A new event with only what is granted, stamped with ``consent``; None if it must not pass. Either is
            counted in :attr:`counts`.
        """
        counts = Counts()
        stripped: list[str] = []
        try:
            opened = self.rules.open(event)
            claims, allowance = self.decide_event(opened, opened.token, received_ms)
            kept = self.rules.strip(opened, allowance, Scrubber((opened.token,)), stripped)
            kept[STAMP_FIELD] = claims.stamped()
        except Denied as denial:
            self.counts.dropped[denial.reason] += 1
            return None
        counts.accepted = 1
        counts.strip(stripped)
        self.counts.add(counts)
        return kept

    def line(self, line: bytes) -> bytes:
        """Filters one JSON line; see :meth:`lines`.

        Returns:
            The lines to write, each ended by a newline; empty if nothing passes.
        """
        return b"".join(self.lines((line,)))

    def lines(self, lines: Sequence[bytes]) -> list[bytes]:
        """Filters JSON lines: for ``plain`` an event each, for other trackers a request.

        Args:
            lines: what there is now, with or without newlines; not a stream, for a token that was good a moment ago
                is not asked again for the next few thousand lines.

        Returns:
            For each line, in order, what to write: lines that end in a newline, or nothing. Either is counted in
            :attr:`counts`. Never raises for what a stranger sent.
        """
        return self._lines.filter(lines)

    def filter(self, request: TrackerRequest) -> Filtered:
        """Filters one request of the tracker, event by event.

        Returns:
            What goes on: one entry per grant in the request, for a batch may hold events of several visitors. Never
            raises for what a stranger sent; :attr:`counts` stays as it is.
        """
        return self.quick.filter(request) or Filtering(self, request).run()

    def route(self, method: str, path: str) -> Route | None:
        """The tracker's route behind a method and a path without query; None if the tracker does not send there."""
        return next(iter(self.routes(method, path)), None)

    @property
    def paths(self) -> frozenset[str]:
        """Every path that the tracker sends to, under every prefix."""
        return frozenset(path for _, path in self.addresses)

    def answer(self, request: TrackerRequest) -> Answer:
        """What contents the tracker that sent a request, whatever became of its events."""
        path, _, query_text = request.path.partition("?")
        routes = self.routes(request.method, path)
        if len({route.answer.body for route in routes}) < 2:
            return routes[0].answer if routes else self.table.empty_answer
        encoding = next((value for name, value in request.headers.items() if name.lower() == "content-encoding"), "")
        try:
            data = bodies.read_bytes(request.body, request.body_base64, encoding, self.body_limit_bytes)
            return shapes.choose(routes, data, shapes.read_query(query_text)).answer
        except Denied:
            return routes[0].answer

    def routes(self, method: str, path: str) -> Sequence[Route]:
        """All routes behind a method and a path without query: the body tells which of them a request takes."""
        return self.addresses.get((method.upper(), path), ())


#: What a newer act of the person makes of a token.
_ENDED = (Reason.WITHDRAWN, Reason.EPOCH_STALE)


def _denied(purpose: str, recipient: str | None, recipients: Iterable[str]) -> Verdict | None:
    """The verdict of a gate that lets nothing pass, whatever the token."""
    if not purpose:
        return DENIED[Reason.PURPOSE_MISSING]
    if recipient is not None and recipient not in frozenset(recipients):
        return DENIED[Reason.RECIPIENT_NOT_COVERED]
    return None

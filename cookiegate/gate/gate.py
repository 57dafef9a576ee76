"""The gate: nothing passes without a token that grants the declared purpose, and of that only what it grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cookiegate.gate import bodies, trackers
from cookiegate.gate.allowance import Allowance, Allowances, IpWhenRefused
from cookiegate.gate.carriers import Scrubber
from cookiegate.gate.counts import Counts
from cookiegate.gate.events import STAMP_FIELD, EventRules
from cookiegate.gate.filtering import Filtering
from cookiegate.gate.headers import HeaderRules
from cookiegate.gate.plain_lines import PlainLines
from cookiegate.gate.request import Filtered, TrackerRequest, read_line
from cookiegate.gate.trackers.table import Route
from cookiegate.policy.document import CATEGORIES, Policy, Providing
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

    Raises:
        ValueError: for an unknown tracker or category.
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
        self._allowances = Allowances(purpose, narrowed, ip_when_refused)
        self.rules = EventRules(self.table, fields)
        self.header_rules = HeaderRules(self.table)
        prefixes = ("", f"/collect/{tracker}", *(mount.rstrip("/") for mount in mounts))
        self._routes = {
            (route.method, prefix + route.path): route for prefix in prefixes for route in self.table.routes
        }
        self._lines = PlainLines(self, self.rules.mapped) if tracker == "plain" else None

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

    def decide(self, token: Any) -> tuple[Claims, Allowance]:
        """The claims of a good token and what they allow here.

        Raises:
            Denied: with the reason.
        """
        if self._denied is not None:
            raise Denied(self._denied.reason)
        verdict = self.verifier.verify(token)
        if verdict.claims is None:
            raise Denied(verdict.reason)
        allowance = self._allowances.of(verdict.claims)
        if allowance is None:
            raise Denied(Reason.PURPOSE_NOT_GRANTED)
        return verdict.claims, allowance

    def allowed(self, claims: Claims) -> tuple[str, ...]:
        """The acquisition categories that the claims allow here, in the standard order."""
        allowance = self._allowances.of(claims)
        return () if allowance is None else tuple(item for item in CATEGORIES if item in allowance.categories)

    def event(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Filters one event that carries its own token.

        Args:
            event: the event as its tracker makes it, with its token in it; it is not changed.

        Returns:
            A new event with only what is granted, stamped with ``consent``; None if it must not pass. Either is
            counted in :attr:`counts`.
        """
        counts = Counts()
        stripped: list[str] = []
        try:
            opened = self.rules.open(event)
            claims, allowance = self.decide(opened.token)
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
        return self._lines.filter(lines) if self._lines is not None else [self._request_line(line) for line in lines]

    def _request_line(self, line: bytes) -> bytes:
        try:
            filtered = self.filter(read_line(line))
        except Denied as denial:
            self.counts.dropped[denial.reason] += 1
            return b""
        self.counts.add(filtered.counts)
        return b"".join(accepted.to_line() for accepted in filtered.accepted)

    def filter(self, request: TrackerRequest) -> Filtered:
        """Filters one request of the tracker, event by event.

        Returns:
            What goes on: one entry per grant in the request, for a batch may hold events of several visitors. Never
            raises for what a stranger sent; :attr:`counts` stays as it is.
        """
        return Filtering(self, request).run()

    def route(self, method: str, path: str) -> Route | None:
        """The tracker's route behind a method and a path without query; None if the tracker does not send there."""
        return self._routes.get((method.upper(), path))


def _denied(purpose: str, recipient: str | None, recipients: Iterable[str]) -> Verdict | None:
    """The verdict of a gate that lets nothing pass, whatever the token."""
    if not purpose:
        return DENIED[Reason.PURPOSE_MISSING]
    if recipient is not None and recipient not in frozenset(recipients):
        return DENIED[Reason.RECIPIENT_NOT_COVERED]
    return None

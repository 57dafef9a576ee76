"""The service's own gates: one verifier per site, one gate per site, purpose and tracker."""

from __future__ import annotations

from cookiegate.clock import Clock
from cookiegate.errors import InvalidInputError, NotFoundError
from cookiegate.gate import Gate, Verifier, trackers
from cookiegate.policy.document import Policy
from cookiegate.policy.publishing import PolicyBook
from cookiegate.settings import Settings
from cookiegate.tokens.claims import Claims
from cookiegate.tokens.keys import KeyRing
from cookiegate.tokens.register import StatusRegister
from cookiegate.tokens.statuses import EpochRegister
from cookiegate.tokens.withdrawals import Withdrawals
from cookiegate.web.call import Call
from cookiegate.web.origins import origin_of

QUERY_KEPT_CHARS = 128
CLOCK_STEP_S = 2
QUERIES_KEPT = 1_024
#: Verified tokens that are remembered, of all sites together (60 MB), and at least of each.
VERIFIED_KEPT = 50_000
VERIFIED_LEAST = 500


class Doors:
    """Gives the gate that stands before an address.

    Args:
        book: the sites and what each purpose may use.
        keyring, register, epochs: what this process knows of keys, withdrawals and newer decisions.
        withdrawals: the moments of those that this process took.
    """

    def __init__(
        self,
        book: PolicyBook,
        keyring: KeyRing,
        register: StatusRegister,
        epochs: EpochRegister,
        settings: Settings,
        clock: Clock,
        withdrawals: Withdrawals | None = None,
    ) -> None:
        self._withdrawals = withdrawals
        self._book = book
        self._keyring = keyring
        self._register = register
        self._epochs = epochs
        self._issuer = settings.base_url
        self._body_limit = settings.collect_limit_bytes
        self._clock = clock
        self._verifiers: dict[str, Verifier] = {}
        self._gates: dict[tuple[str, str, str, str, str | None], Gate] = {}
        self._asked: tuple[int, dict[str, Gate]] = (-1, {})
        # The gate itself is kept beside its headers, so that its id stays taken.
        self._allowed: dict[tuple[int, str, str], tuple[tuple[str, str], tuple[str, str], Gate]] = {}

    def gate(self, site: str, tracker: str, purpose: str, recipient: str | None = None) -> Gate:
        """The gate for one tracker's events, used for one purpose of one site.

        Args:
            recipient: who gets the events; None when they stay with the controller.

        Raises:
            SiteUnknownError: the site has no policy.
            InvalidInputError: its policy has no such purpose or recipient.
            NotFoundError: no table for this tracker.
        """
        published = self._book.current(site)
        key = (site, published.sha256, tracker, purpose, recipient)
        found = self._gates.get(key)
        if found is None:
            found = self._gates[key] = self._make(published.policy, tracker, purpose, recipient)
        return found

    def checked_by(self, call: Call, purpose: str, recipient: str | None = None) -> Gate:
        """The gate that a check without a body asks for. Proxies ask with one short query again and again."""
        if recipient is not None:  # never settled: such a check may have to be recorded before it is answered
            return self.gate(self.site_of(call), "plain", purpose, recipient)
        query = call.environ.get("QUERY_STRING", "")
        found = self.asked_before(query)
        if found is None:
            gates = self._asked[1]  # taken first: after a new policy this page is thrown away, with what is put into it
            found = self.gate(self.site_of(call), "plain", purpose)
            is_settled = call.query("site") is not None or len(self._book.sites()) == 1
            if is_settled and len(query) <= QUERY_KEPT_CHARS:
                if len(gates) >= QUERIES_KEPT:
                    gates.clear()
                gates[query] = found
        return found

    def asked_before(self, query: str) -> Gate | None:
        """The gate of a check's query that was settled before, under the policies that hold now."""
        revision, gates = self._asked
        if revision != self._book.revision:
            self._asked = self._book.revision, {}
            return None
        return gates.get(query)

    def allowed(self, gate: Gate, claims: Claims) -> list[tuple[str, str]]:
        """The headers that tell a collector what it may keep."""
        key = (id(gate), claims.scope, claims.acquire)
        found = self._allowed.get(key)
        if found is None:
            if len(self._allowed) >= QUERIES_KEPT:
                self._allowed = {}
            acquire = " ".join(gate.allowed(claims))
            found = self._allowed[key] = (("X-Consent-Scope", claims.scope), ("X-Consent-Acquire", acquire), gate)
        return [found[0], found[1], ("X-Consent-Subject", claims.sub)]

    def _make(self, policy: Policy, tracker: str, purpose: str, recipient: str | None) -> Gate:
        if policy.purpose(purpose) is None:
            raise _unknown(policy, "purpose", [item.key for item in policy.purposes])
        if recipient is not None and recipient not in policy.recipients:
            raise _unknown(policy, "recipient", list(policy.recipients))
        if tracker not in trackers.NAMES:
            raise NotFoundError(f"no table for this tracker; known: {', '.join(trackers.NAMES)}")
        return Gate.for_policy(
            self._verifier(policy.site),
            policy,
            tracker=tracker,
            purpose=purpose,
            recipient=recipient,
            body_limit_bytes=self._body_limit,
        )

    def _verifier(self, site: str) -> Verifier:
        found = self._verifiers.get(site)
        if found is None:
            found = self._verifiers[site] = Verifier(
                self._keyring.jwks,
                audience=site,
                issuer=self._issuer,
                status=self._register,
                epochs=self._epochs,
                withdrawals=self._withdrawals,
                min_policy_version=lambda: self._book.current(site).holds_since,
                clock=self._clock,
                leeway_s=CLOCK_STEP_S,  # issued and checked by one clock, which may be set back a little
                cache_size=max(VERIFIED_LEAST, VERIFIED_KEPT // len(self._book.sites())),
            )
        return found

    def site_of(self, call: Call) -> str:
        """Which site an event belongs to: named by ``site``, else by its origin, else the only one there is.

        Raises:
            InvalidInputError: several sites are served and nothing tells them apart.
        """
        named = call.query("site")
        if named is not None:
            return named
        sites = self._book.sites()
        if len(sites) == 1:
            return sites[0]
        origins = {_page_origin(call), _host_origin(call)}
        found = [site for site in sites if origins & set(self._book.current(site).policy.origins)]
        if len(found) == 1:
            return found[0]
        raise InvalidInputError(
            "several sites are served here: add site=<id> to the address", errors={"site": ["needed"]}
        )


def _unknown(policy: Policy, what: str, known: list[str]) -> InvalidInputError:
    detail = f"the policy of {policy.site} has no such {what}; known: {', '.join(known) or 'none'}"
    return InvalidInputError(detail, errors={what: ["unknown"]})


def _page_origin(call: Call) -> str | None:
    source = call.header("HTTP_ORIGIN") or call.header("HTTP_REFERER")
    return origin_of(source) if source else None


def _host_origin(call: Call) -> str:
    return f"{call.environ.get('wsgi.url_scheme', 'http')}://{call.header('HTTP_HOST') or ''}".lower()

"""Which sites of a group share a choice, and telling the operator of those that only seem to."""

from __future__ import annotations

from cookiegate.errors import SiteUnknownError
from cookiegate.policy.agreement import disagreement, disagreements, named
from cookiegate.policy.document import Policy, PublishedPolicy
from cookiegate.policy.publishing import PolicyBook
from cookiegate.web.logs import get_logger

#: Pairs of versions that are remembered. Beyond that they are compared again.
KEPT_PAIRS = 1_024


class Groups:
    """The sites whose policies agree. Safe for threads: what two work out at once is the same.

    Args:
        book: current policies.
    """

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._agree: dict[tuple[str, str], bool] = {}
        self._revision = 0
        self._told: set[tuple[str, int, str, str]] = set()

    def siblings(self, published: PublishedPolicy) -> list[PublishedPolicy]:
        """The other sites on which a choice under a policy counts, with their current policies."""
        found = map(self._current, named(published.policy))
        return [other for other in found if other is not None and self._agrees(published, other)]

    def look(self) -> None:
        """Logs, once a version, which sites named by a policy do not share its choices. Called often."""
        if self._revision == self._book.revision:
            return
        self._revision = self._book.revision
        for site in self._book.sites():
            published = self._book.current(site)
            for other, reason in disagreements(published.policy, self._policy):
                told = (site, published.version, other, reason)
                if told not in self._told:
                    get_logger().warning("group_disagrees", site=site, policy_version=published.version, reason=reason)
                self._told.add(told)

    def _policy(self, site: str) -> Policy | None:
        published = self._current(site)
        return published.policy if published else None

    def _current(self, site: str) -> PublishedPolicy | None:
        try:
            return self._book.current(site)
        except SiteUnknownError:
            return None

    def _agrees(self, published: PublishedPolicy, other: PublishedPolicy) -> bool:
        pair = published.sha256, other.sha256
        known = self._agree.get(pair)
        if known is None:
            known = disagreement(published.policy, other.policy) is None
            if len(self._agree) >= KEPT_PAIRS:
                self._agree.clear()
            self._agree[pair] = known
        return known

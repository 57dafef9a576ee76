"""Published versions: immutable, each with its notices; and the book that everybody reads them from."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from cookiegate.clock import Clock
from cookiegate.errors import PolicyError, SiteUnknownError, StorageError
from cookiegate.policy.difference import compare
from cookiegate.policy.document import Policy, PublishedPolicy
from cookiegate.policy.encoding import canonical_json, from_document
from cookiegate.policy.faults import quoted
from cookiegate.policy.notice import Notice, build_notice
from cookiegate.storage.contract import NoticeRow, PolicyRow, Storage


def publish(storage: Storage, policy: Policy, clock: Clock) -> PublishedPolicy:
    """Makes a policy the newest version of its site, for ever.

    Args:
        policy: a policy that passed its checks.

    Returns:
        The new version; or the newest one when its document is the same already.

    Raises:
        StorageError: nothing was published; somebody else may have published something else at the same time.
    """
    document = canonical_json(policy)
    latest = storage.policies.latest(policy.site)
    if latest is not None and _says_the_same(latest, policy, document):
        return read_row(latest)
    row = _next_row(policy, document, latest, clock.now_ms())
    notices = [build_notice(policy, row.version, locale) for locale in policy.locales]
    try:
        storage.policies.add(row, [_notice_row(policy.site, row.version, notice) for notice in notices])
    except StorageError:
        newest = storage.policies.latest(policy.site)
        if newest is None or newest.version != row.version or not _says_the_same(newest, policy, document):
            raise
        return read_row(newest)  # another process that starts with the same document was quicker
    return read_row(row)


def find_earlier(storage: Storage, policy: Policy) -> int | None:
    """The newest version before the current one that says the same; None when there is none, or the current does.

    Raises:
        StorageError: the record cannot be read.
    """
    document, latest = canonical_json(policy), storage.policies.latest(policy.site)
    if latest is None or _says_the_same(latest, policy, document):
        return None
    for number in range(latest.version - 1, 0, -1):
        row = storage.policies.version(policy.site, number)
        if row is not None and _says_the_same(row, policy, document):
            return number
    return None


def read_row(row: PolicyRow) -> PublishedPolicy:
    """A stored version as a policy.

    Raises:
        PolicyError: the stored document cannot be read by this program.
    """
    try:
        policy = from_document(json.loads(row.document))
    except (PolicyError, ValueError) as error:
        detail = f"Version {row.version} of {quoted(row.site)} cannot be read by this program."
        raise PolicyError(detail, site=row.site, version=row.version) from error
    return PublishedPolicy(policy, row.version, row.sha256, row.holds_since, row.published_at_ms)


def _says_the_same(row: PolicyRow, policy: Policy, document: bytes) -> bool:
    """Compares meaning, not bytes alone: keys that are newer than the stored version have their defaults."""
    return row.document == document or read_row(row).policy == policy


def _is_same(known: PublishedPolicy, row: PolicyRow) -> bool:
    """Not by the version alone: where the record was replaced by an earlier one, it may say something else."""
    return (known.version, known.sha256, known.holds_since) == (row.version, row.sha256, row.holds_since)


def _next_row(policy: Policy, document: bytes, latest: PolicyRow | None, now_ms: int) -> PolicyRow:
    version = latest.version + 1 if latest else 1
    asks_again = latest is None or compare(read_row(latest).policy, policy).asks_again
    return PolicyRow(
        site=policy.site,
        version=version,
        sha256=hashlib.sha256(document).hexdigest(),
        document=document,
        asks_again=asks_again,
        holds_since=version if latest is None or asks_again else latest.holds_since,
        published_at_ms=now_ms,
    )


def _notice_row(site: str, version: int, notice: Notice) -> NoticeRow:
    return NoticeRow(notice.sha256, site, version, notice.locale, notice.canonical)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One site on one page of the book. Notices are by locale and by digest."""

    published: PublishedPolicy
    by_locale: Mapping[str, Notice]
    by_digest: Mapping[str, Notice]


class PolicyBook:
    """The current policy of every site, read without a lock from any thread.

    Readers see one whole page; ``refresh`` builds the next page and swaps it in. A background tick calls it, and
    whoever publishes in this process.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._refreshing = threading.Lock()
        self._revision = 0
        self._seen: tuple[str, int] | None = None
        self._page: Mapping[str, _Entry] = {}
        self._refreshed_at_ms = 0
        self.refresh()

    @property
    def revision(self) -> int:
        """Changes whenever the book does."""
        return self._revision

    @property
    def refreshed_at_ms(self) -> int:
        """When the record was last seen to agree, in milliseconds since the epoch; for readiness."""
        return self._refreshed_at_ms

    def current(self, site: str) -> PublishedPolicy:
        """The newest version of a site's policy.

        Raises:
            SiteUnknownError: the site has none.
        """
        return self._entry(site).published

    def sites(self) -> tuple[str, ...]:
        """Every site that has a policy, sorted."""
        return tuple(self._page)

    def knows(self, site: str) -> bool:
        """Whether a site has a policy."""
        return site in self._page

    def notice(self, site: str, locale: str) -> Notice:
        """The current notice in one of the policy's locales; in its first for any other.

        Raises:
            SiteUnknownError: the site has no policy.
        """
        entry = self._entry(site)
        return entry.by_locale.get(locale) or entry.by_locale[entry.published.policy.locales[0]]

    def notice_by_digest(self, site: str, sha256: str) -> Notice | None:
        """The current notice with this digest, or None when it is not, or no longer, current."""
        entry = self._page.get(site)
        return entry.by_digest.get(sha256) if entry else None

    def refresh(self) -> bool:
        """Takes up what was published since; costs one small query when nothing was.

        Returns:
            Whether anything is new.

        Raises:
            StorageError: the record cannot be read; the book stays as it was.
            PolicyError: a stored version cannot be read; the book stays as it was.
        """
        with self._refreshing:
            # The revision is read first: what is published meanwhile shows at the next refresh at the latest.
            seen = self._storage.history, self._storage.policies.revision()
            is_new = seen != self._seen
            if is_new:
                self._page = self._next_page()
                self._revision += 1
                self._seen = seen
            self._refreshed_at_ms = self._clock.now_ms()
            return is_new

    def _entry(self, site: str) -> _Entry:
        entry = self._page.get(site)
        if entry is None:
            raise SiteUnknownError("No policy is published for this site.")
        return entry

    def _next_page(self) -> dict[str, _Entry]:
        store, page = self._storage.policies, {}
        for site in store.sites():
            row = store.latest(site)
            if row is not None:
                known = self._page.get(site)
                page[site] = known if known and _is_same(known.published, row) else self._read_entry(read_row(row))
        return page

    def _read_entry(self, published: PublishedPolicy) -> _Entry:
        notices = {notice.locale: notice for notice in self._notices(published)}
        return _Entry(published, notices, {notice.sha256: notice for notice in notices.values()})

    def _notices(self, published: PublishedPolicy) -> list[Notice]:
        """The notices as they were published: a later program's wording must not slip into an old version."""
        policy, version = published.policy, published.version
        rows = self._storage.policies.notices(policy.site, version)
        stored = {row.locale: Notice.from_canonical(row.body, row.locale) for row in rows}
        return [stored.get(locale) or build_notice(policy, version, locale) for locale in policy.locales]

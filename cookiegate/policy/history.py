"""All versions of a site's policy: when each held, and what it said (S31). Nothing published is ever changed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cookiegate.errors import NotFoundError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.notice import Notice, build_notice
from cookiegate.policy.publishing import read_row
from cookiegate.storage.contract import Storage
from cookiegate.storage.tables import policies


@dataclass(frozen=True, slots=True)
class Edition:
    """One published version on the list of all. ``until_ms`` is when the next one took its place; None while it holds.

    A version takes effect when it is published.
    """

    version: int
    asks_again: bool
    published_at_ms: int
    until_ms: int | None

    @property
    def is_current(self) -> bool:
        """Whether this version holds now."""
        return self.until_ms is None


def editions(storage: Storage, site: str) -> tuple[Edition, ...]:
    """Every published version of a site's policy, the newest first; none for a site without one."""
    wanted = (policies.c.version, policies.c.asks_again, policies.c.published_at_ms)
    rows = storage.read(sa.select(*wanted).where(policies.c.site == site).order_by(policies.c.version.desc()))
    ends = [None, *(row["published_at_ms"] for row in rows)]
    return tuple(
        Edition(row["version"], bool(row["asks_again"]), row["published_at_ms"], until_ms)
        for row, until_ms in zip(rows, ends, strict=False)
    )


def read_edition(storage: Storage, site: str, version: int) -> PublishedPolicy:
    """One version of a site's policy.

    Raises:
        NotFoundError: it was never published.
        PolicyError: this program cannot read it.
    """
    row = storage.policies.version(site, version)
    if row is None:
        raise NotFoundError(f"version {version} was never published", site=site)
    return read_row(row)


def read_notice(storage: Storage, published: PublishedPolicy, locale: str) -> Notice:
    """The notice of a version as it was published; its digest proves that.

    Args:
        published: the version.
        locale: one of its locales.
    """
    site, version = published.policy.site, published.version
    stored = {row.locale: row.body for row in storage.policies.notices(site, version)}
    if locale in stored:
        return Notice.from_canonical(stored[locale], locale)
    return build_notice(published.policy, version, locale)

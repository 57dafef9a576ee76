"""Published policies on any engine, through SQLAlchemy Core: read seldom, so clarity wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from cookiegate.errors import StorageError
from cookiegate.storage import tables
from cookiegate.storage.contract import NoticeRow, PolicyRow, Record, Storage, WriteTransaction


class RecordedPolicies:
    """The :class:`PolicyStore` of a record.

    Args:
        storage: the record.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, row: PolicyRow, notices: Iterable[NoticeRow]) -> None:
        """Adds a version and its notices in one transaction."""

        def work(transaction: WriteTransaction) -> None:
            transaction.execute(tables.policies.insert().values(**_columns(row)))
            for notice in notices:
                transaction.execute(tables.notices.insert().values(**_columns(notice)))

        try:
            self._storage.write(work)
        except StorageError as error:
            detail = f"version {row.version} of {row.site} was not published; try again"
            raise StorageError(detail, **error.evidence) from error

    def latest(self, site: str) -> PolicyRow | None:
        """The newest version."""
        table = tables.policies
        return self._one(sa.select(table).where(table.c.site == site).order_by(table.c.version.desc()).limit(1))

    def version(self, site: str, number: int) -> PolicyRow | None:
        """One version."""
        table = tables.policies
        return self._one(sa.select(table).where(table.c.site == site, table.c.version == number))

    def notices(self, site: str, version: int) -> list[NoticeRow]:
        """The notices of one version."""
        table = tables.notices
        query = sa.select(table).where(table.c.site == site, table.c.version == version).order_by(table.c.locale)
        return [NoticeRow(**row) for row in self._storage.read(query)]

    def notice_version(self, site: str, sha256: str) -> int | None:
        """Which version of the site's policy a notice belongs to."""
        table = tables.notices
        rows = self._storage.read(sa.select(table.c.version).where(table.c.sha256 == sha256, table.c.site == site))
        return rows[0]["version"] if rows else None

    def sites(self) -> list[str]:
        """Every site with a policy."""
        return sorted(row["site"] for row in self._storage.read(sa.select(tables.policies.c.site).distinct()))

    def revision(self) -> int:
        """The newest policy's row number."""
        newest = sa.func.max(tables.policies.c.revision).label("newest")
        return self._storage.read(sa.select(newest))[0]["newest"] or 0

    def _one(self, query: sa.Select[Any]) -> PolicyRow | None:
        rows = self._storage.read(query)
        return _policy(rows[0]) if rows else None


def _policy(row: Record) -> PolicyRow:
    values = {name: value for name, value in row.items() if name != "revision"}
    return PolicyRow(**{**values, "asks_again": bool(row["asks_again"])})


def _columns(row: PolicyRow | NoticeRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}

"""Published policies on SQLite, through SQLAlchemy Core: read seldom, so clarity wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from cookiegate.storage import tables
from cookiegate.storage.contract import NoticeRow, PolicyRow
from cookiegate.storage.sqlite_writing import storage_error


class SqlitePolicies:
    """The :class:`PolicyStore` of a SQLite record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: PolicyRow, notices: Iterable[NoticeRow]) -> None:
        """Adds a version and its notices in one transaction."""
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.execute(tables.policies.insert().values(**_columns(row)))
                for notice in notices:
                    connection.execute(tables.notices.insert().values(**_columns(notice)))
                connection.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            raise storage_error(error, f"version {row.version} of {row.site} was not published; try again") from error

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
        return [NoticeRow(**row._mapping) for row in self._rows(query)]

    def notice_version(self, site: str, sha256: str) -> int | None:
        """Which version of the site's policy a notice belongs to."""
        table = tables.notices
        rows = self._rows(sa.select(table.c.version).where(table.c.sha256 == sha256, table.c.site == site))
        return rows[0][0] if rows else None

    def sites(self) -> list[str]:
        """Every site with a policy."""
        return [row[0] for row in self._rows(sa.select(tables.policies.c.site).distinct().order_by("site"))]

    def revision(self) -> int:
        """The newest policy's row number."""
        return self._rows(sa.select(sa.func.max(tables.policies.c.revision)))[0][0] or 0

    def _one(self, query: sa.Select[Any]) -> PolicyRow | None:
        rows = self._rows(query)
        if not rows:
            return None
        return PolicyRow(**{name: value for name, value in rows[0]._mapping.items() if name != "revision"})

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except DBAPIError as error:
            raise storage_error(error) from error


def _columns(row: PolicyRow | NoticeRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}

"""Columns that engines call differently. Migrations use these too: what is here never changes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: Numbers that rise with every row: eight bytes everywhere; SQLite's own row numbers must be called INTEGER.
RISING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def numbered(name: str) -> sa.Column[Any]:
    """A primary key that the database counts up."""
    return sa.Column(name, RISING, sa.Identity(), primary_key=True, autoincrement=True)

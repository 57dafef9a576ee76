"""Accidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Creates the files of accidents and the lists of who is affected."""
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(11), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        sa.Column("known_at_ms", sa.BigInteger, nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
        sa.Column("opened_by", sa.String(63), nullable=False),
        sa.Column("notified_at_ms", sa.BigInteger),
        sa.Column("closed_at_ms", sa.BigInteger),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "incident_subjects",
        sa.Column("incident_id", sa.String(11), primary_key=True),
        sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )

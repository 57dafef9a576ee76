"""Addresses as evidence, officers, and break-glass look-ups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Creates the officers, the evidence with its daily keys, and the look-ups."""
    op.create_table(
        "officers",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("passphrase_hash", sa.Text, nullable=False),
        sa.Column("added_at_ms", sa.BigInteger, nullable=False),
        sa.Column("disabled_at_ms", sa.BigInteger),
    )
    op.create_table(
        "ip_evidence_days",
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ip_evidence",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("minute_ms", sa.BigInteger, nullable=False),
        sa.Column("act", sa.String(63), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ip_evidence_of_a_day", "ip_evidence", ["site", "day"])
    op.create_table(
        "ip_lookups",
        sa.Column("id", sa.String(11), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("address", sa.LargeBinary),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String(63), nullable=False),
        sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
        sa.Column("approved_by", sa.String(63)),
        sa.Column("approved_at_ms", sa.BigInteger),
        sa.Column("open_until_ms", sa.BigInteger),
        sa.Column("used", sa.Integer, nullable=False),
    )

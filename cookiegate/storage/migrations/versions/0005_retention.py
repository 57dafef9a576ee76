"""Tables of erasure and retention."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cookiegate.storage.column_types import numbered

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates them."""
    _make_erasure()
    _make_retention()


def _make_erasure() -> None:
    op.create_table(
        "erased_keys",
        numbered("sequence"),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("key_id"),
    )
    op.create_table(
        "erasures",
        sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("decisions", sa.Integer, nullable=False),
        sa.Column("stream_sequence", sa.BigInteger),
        sa.Column("erased_at_ms", sa.BigInteger, nullable=False),
    )


def _make_retention() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("key_id", sa.BigInteger, index=True),
        sa.Column("ground", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("released_at_ms", sa.BigInteger),
    )
    op.create_index(
        "consents_restricted",
        "consents",
        ["site"],
        sqlite_where=sa.text("restricted = 1"),
        postgresql_where=sa.text("restricted"),
    )
    op.create_table(
        "retention_progress",
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("rule", sa.String(16), primary_key=True),
        sa.Column("after_id", sa.String(36), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "retention_kept",
        sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("decision_id", sa.String(36), nullable=False),
    )

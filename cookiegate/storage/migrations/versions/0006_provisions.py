"""Tables of provisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Creates the records of provision to third parties."""
    op.create_table(
        "provisions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("lump", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("person", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("exception", sa.String(32)),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("provided_at_ms", sa.BigInteger, nullable=False, index=True),
    )

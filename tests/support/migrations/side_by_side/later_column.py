"""A migration as a later version might bring it: a table and a column more, which older programs need not know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "0009"
side_by_side = True


def upgrade() -> None:
    """Adds them, with an index."""
    op.create_table("later", sa.Column("id", sa.String(36), primary_key=True))
    for table in ("decisions", "consents", "answers", "revocations", "entries"):
        op.add_column(table, sa.Column("later", sa.Integer, nullable=True))
    op.create_index("consents_later", "consents", ["later"])

"""A migration that older programs could not work with, and that says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "broken"
down_revision = "0009"
side_by_side = False


def upgrade() -> None:
    """Asks for more than older programs give."""
    op.create_table("stricter", sa.Column("id", sa.String(36), primary_key=True))

"""Which migrations older programs can live with; and PostgreSQL's texts in the order of their bytes.

Every migration from here on says ``side_by_side``: whether programs that do not know it may go on working on the
migrated record (``storage/migrating.py``).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
side_by_side = False


def upgrade() -> None:
    """Creates the list of migrations, and settles what PostgreSQL leaves to its surroundings."""
    op.create_table(
        "schema_changes",
        sa.Column("revision", sa.String(32), primary_key=True),
        sa.Column("side_by_side", sa.Boolean, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _order_by_bytes()
        _clean_often()


def _order_by_bytes() -> None:
    # The order of a language changes with the system's libraries, and with it every index; ids and codes need none.
    columns = op.get_bind().execute(
        sa.text(
            "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')"
        )
    )
    for table, column, length in columns.fetchall():
        kind = f"varchar({length})" if length else "text"
        op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"')


def _clean_often() -> None:
    # Small tables whose every row is soon another.
    for table in ("unsealed", "leases", "shreds"):
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)")

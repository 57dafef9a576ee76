"""The table of migrations that the record went through."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.tables import metadata

#: ``side_by_side``: programs that do not know the migration may work on the migrated record.
schema_changes = sa.Table(
    "schema_changes",
    metadata,
    sa.Column("revision", sa.String(32), primary_key=True),
    sa.Column("side_by_side", sa.Boolean, nullable=False),
)

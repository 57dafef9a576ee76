"""Tables of accidents: the file of each, and who is affected."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.tables import metadata

#: ``sealed`` holds the texts of the file (summary, cause, measures), encrypted under the file's own key.
incidents = sa.Table(
    "incidents",
    metadata,
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

#: The subjects affected, by their keys: whoever is erased is gone from here too.
incident_subjects = sa.Table(
    "incident_subjects",
    metadata,
    sa.Column("incident_id", sa.String(11), primary_key=True),
    sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

"""Tables of erasure and retention. They hold numbers of subject keys, never anything about a person."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.column_types import numbered
from cookiegate.storage.tables import consents, metadata

#: Every subject key that was erased, in order: what a restored older copy of the key file must lose again.
erased_keys = sa.Table(
    "erased_keys",
    metadata,
    numbered("sequence"),
    sa.Column("key_id", sa.BigInteger, nullable=False, unique=True),
)

#: What an erasure answered, so that repeating it answers the same.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.String(36), nullable=False),
    sa.Column("decisions", sa.Integer, nullable=False),
    sa.Column("stream_sequence", sa.BigInteger),
    sa.Column("erased_at_ms", sa.BigInteger, nullable=False),
)

#: Legal holds. Without ``key_id`` the whole site is held; ``until_ms`` null means until it is released.
holds = sa.Table(
    "holds",
    metadata,
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

#: The few whose data is restricted are found without reading everybody's consent; the others cost nothing.
restricted = sa.Index(
    "consents_restricted",
    consents.c.site,
    sqlite_where=sa.text("restricted = 1"),
    postgresql_where=sa.text("restricted"),
)

#: How far each rule of each site has come through the decisions, which lie in order of time.
retention_progress = sa.Table(
    "retention_progress",
    metadata,
    sa.Column("site", sa.String(63), primary_key=True),
    sa.Column("rule", sa.String(16), primary_key=True),
    sa.Column("after_id", sa.String(36), nullable=False),
    sqlite_with_rowid=False,
)

#: Subjects that were due, and kept because of a hold or a restriction: looked at again each time.
retention_kept = sa.Table(
    "retention_kept",
    metadata,
    sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("rule", sa.String(16), nullable=False),
    sa.Column("decision_id", sa.String(36), nullable=False),
)

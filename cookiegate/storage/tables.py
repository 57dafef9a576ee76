"""The schema, once, for the migrations' check and for queries through SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("asks_again", sa.Boolean, nullable=False),
    sa.Column("holds_since", sa.Integer, nullable=False),
    sa.Column("published_at_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("site", "version"),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

#: Ids are UUIDv7: time-ordered, so that appending stays cheap as the table grows.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("sub", sa.String(22)),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("status_list", sa.Integer),
    sa.Column("status_index", sa.Integer),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: The current state only; the payload stays in its decision. The handle itself is never stored.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("site", sa.String(63), primary_key=True),
    sa.Column("handle_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("sub", sa.String(22), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("purposes", sa.Text, nullable=False),
    sa.Column("acquire", sa.Text, nullable=False),
    sa.Column("status_list", sa.Integer),
    sa.Column("status_index", sa.Integer),
    sa.Column("decision_id", sa.String(36), nullable=False),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("site", sa.String(63), primary_key=True),
    sa.Column("key_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("decision_id", sa.String(36), nullable=False),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Indices are handed out by a full-period walk: index = (multiplier * n + start) mod size.
status_lists = sa.Table(
    "status_lists",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("multiplier", sa.Integer, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("status_list", sa.Integer, nullable=False),
    sa.Column("status_index", sa.Integer, nullable=False),
    sa.Column("sub", sa.String(22), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("revoked_at_ms", sa.BigInteger, nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

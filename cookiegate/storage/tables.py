"""The schema, once, for the migrations' check and for queries through SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.column_types import RISING, numbered

metadata = sa.MetaData()

policies = sa.Table(
    "policies",
    metadata,
    numbered("revision"),
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

#: Ids are UUIDv7: time-ordered, so that appending stays cheap as the table grows. ``sealed`` is subject, salt and
#: record, encrypted under the subject key; null once erased.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("status_list", sa.Integer),
    sa.Column("status_index", sa.Integer),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Everything else that the ledger proves. ``payload`` is salt and record, encrypted where there is a key.
entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("site", sa.String(63)),
    sa.Column("key_id", sa.BigInteger, index=True),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: The current state only, encrypted under the subject key. The handle itself is never stored.
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("site", sa.String(63), primary_key=True),
    sa.Column("handle_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("key_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("status_list", sa.Integer),
    sa.Column("status_index", sa.Integer),
    sa.Column("decision_id", sa.String(36), nullable=False),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sa.Column("restricted", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)

#: Subject keys whose payloads are gone and whose slots in the key file are still to be overwritten.
shreds = sa.Table("shreds", metadata, sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False))

#: What waits for its place in the ledger. ``kind``: 0 a decision, 1 another entry.
unsealed = sa.Table(
    "unsealed",
    metadata,
    numbered("sequence"),
    sa.Column("entry_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.Integer, nullable=False),
)

#: The ledger's order, assigned at sealing: contiguous from 0.
positions = sa.Table(
    "positions",
    metadata,
    sa.Column("position", RISING, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.String(36), nullable=False, unique=True),
    sa.Column("kind", sa.Integer, nullable=False),
)

#: Hashes of the Merkle tree, 256 a tile, concatenated; the last tile of a level grows until it is full.
ledger_tiles = sa.Table(
    "ledger_tiles",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", RISING, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("size", RISING, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("sealed_at_ms", sa.BigInteger, nullable=False),
)

#: Who leads a piece of background work, and until when.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("holder", sa.String(63), nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
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
    numbered("id"),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("multiplier", sa.Integer, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
)

revocations = sa.Table(
    "revocations",
    metadata,
    numbered("sequence"),
    sa.Column("status_list", sa.Integer, nullable=False),
    sa.Column("status_index", sa.Integer, nullable=False),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("sub", sa.String(22)),
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

"""The tables of rights requests. What is said about a person is encrypted under the request's own key."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.tables import metadata

#: ``sealed`` is the person: name, address, words, agent, and whose record it is about. The code is stored as a hash.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("reference", sa.String(11), nullable=False, unique=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("residence", sa.String(8), nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("target_days", sa.Integer, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("notified_at_ms", sa.BigInteger),
    sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("intake_key", sa.LargeBinary(32), nullable=False),
    sa.Column("intake_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("site", "intake_key"),
)

#: Append-only: a request is its steps. ``sealed`` holds the words that belong to a step.
request_steps = sa.Table(
    "request_steps",
    metadata,
    sa.Column("request_id", sa.String(36), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(16), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("method", sa.String(16)),
    sa.Column("outcome", sa.String(24)),
    sa.Column("ground", sa.String(32)),
    sa.Column("channel", sa.String(8)),
    sa.Column("sealed", sa.LargeBinary),
)

#: Proofs of identity, each under a key of its own, for no longer than the check.
request_documents = sa.Table(
    "request_documents",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("request_id", sa.String(36), nullable=False, index=True),
    sa.Column("media_type", sa.String(32), nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

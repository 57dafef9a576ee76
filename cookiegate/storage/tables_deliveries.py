"""Tables of what goes out: mails and webhooks that wait, subscribers, and the streams that they follow."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.column_types import numbered
from cookiegate.storage.tables import metadata

#: What is to be delivered. ``content`` is emptied when it was; with ``key_id`` it is encrypted under that subject key.
#: ``message_id`` is what receivers see, the same at every attempt.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("message_id", sa.String(36), nullable=False),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("site", sa.String(63)),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("subscriber", sa.String(63)),
    sa.Column("key_id", sa.BigInteger),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("fault", sa.String(64)),
    sa.Column("failing_since_ms", sa.BigInteger),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("due_at_ms", sa.BigInteger, nullable=False),
    sa.Column("claim", sa.String(32)),
    sa.Column("claimed_until_ms", sa.BigInteger),
    sa.Column("ended_at_ms", sa.BigInteger),
    sa.Index("outbox_due", "state", "due_at_ms"),
    sqlite_with_rowid=False,
)

#: Systems that are told. ``events`` are space-delimited kinds; ``site`` null means every site. The secret is kept
#: encrypted under a key of its own (for signing) and as a hash (for who pulls); ``old_*``, for a day, the one before.
subscribers = sa.Table(
    "subscribers",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("site", sa.String(63)),
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("key_id", sa.BigInteger),
    sa.Column("secret", sa.LargeBinary),
    sa.Column("secret_hash", sa.LargeBinary(32), index=True),
    sa.Column("old_secret", sa.LargeBinary),
    sa.Column("old_secret_hash", sa.LargeBinary(32), index=True),
    sa.Column("old_until_ms", sa.BigInteger),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("fault", sa.String(64)),
    sa.Column("due_at_ms", sa.BigInteger, nullable=False),
    sa.Column("claim", sa.String(32)),
    sa.Column("claimed_until_ms", sa.BigInteger),
    sqlite_with_rowid=False,
)

#: How far a subscriber has acknowledged a stream.
subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("subscriber", sa.String(63), primary_key=True),
    sa.Column("stream", sa.String(16), primary_key=True),
    sa.Column("acknowledged", sa.BigInteger, nullable=False),
    sa.Column("acknowledged_at_ms", sa.BigInteger),
    sqlite_with_rowid=False,
)

#: The streams ``erase``, ``suspend`` and ``resume`` in one order; ``withdrawn`` is ``revocations``. ``sub`` is emptied
#: when every subscriber has acknowledged.
stream_events = sa.Table(
    "stream_events",
    metadata,
    numbered("sequence"),
    sa.Column("id", sa.String(36), nullable=False),
    sa.Column("stream", sa.String(16), nullable=False),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("sub", sa.String(22)),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.String(64)),
    sa.Index("stream_events_by_stream", "stream", "sequence"),
    sqlite_autoincrement=True,
)

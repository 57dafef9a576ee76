"""Tables of what goes out: mails and webhooks that wait, subscribers, and the streams that they follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cookiegate.storage.column_types import numbered

revision = "0004"
down_revision = "0003"

#: The service's own files of collected events: a subscriber that no command adds.
OWN_FILES = "collected"
OWN_EVENTS = "consent.erase consent.suspend consent.resume"


def upgrade() -> None:
    """Creates them, with the service's own files as the first subscriber."""
    _make_outbox()
    _make_subscribers()
    _make_streams()
    _subscribe_own_files()


def _make_outbox() -> None:
    op.create_table(
        "outbox",
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
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_due", "outbox", ["state", "due_at_ms"])


def _make_subscribers() -> None:
    op.create_table(
        "subscribers",
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
    op.create_table(
        "subscriptions",
        sa.Column("subscriber", sa.String(63), primary_key=True),
        sa.Column("stream", sa.String(16), primary_key=True),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_at_ms", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _make_streams() -> None:
    op.create_table(
        "stream_events",
        numbered("sequence"),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("stream", sa.String(16), nullable=False),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("sub", sa.String(22)),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.String(64)),
        sqlite_autoincrement=True,
    )
    op.create_index("stream_events_by_stream", "stream_events", ["stream", "sequence"])


def _subscribe_own_files() -> None:
    subscribers = sa.table(
        "subscribers",
        *(sa.column(name) for name in ("name", "events", "state", "created_at_ms", "failures", "due_at_ms")),
    )
    subscriptions = sa.table("subscriptions", *(sa.column(name) for name in ("subscriber", "stream", "acknowledged")))
    own = {"name": OWN_FILES, "events": OWN_EVENTS, "state": "active"}
    op.execute(sa.insert(subscribers).values(**own, created_at_ms=0, failures=0, due_at_ms=0))
    for event in OWN_EVENTS.split():
        stream = event.partition(".")[2]
        op.execute(sa.insert(subscriptions).values(subscriber=OWN_FILES, stream=stream, acknowledged=0))

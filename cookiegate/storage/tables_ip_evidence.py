"""Tables of addresses kept as evidence, of the people who may look them up, and of each look-up."""

from __future__ import annotations

import sqlalchemy as sa

from cookiegate.storage.tables import metadata

#: Persons in charge. ``roles`` are space-delimited; a disabled officer stays listed, since the ledger names them.
officers = sa.Table(
    "officers",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("passphrase_hash", sa.Text, nullable=False),
    sa.Column("added_at_ms", sa.BigInteger, nullable=False),
    sa.Column("disabled_at_ms", sa.BigInteger),
)

#: A day's key of a site: destroying it disposes of the day's addresses.
ip_evidence_days = sa.Table(
    "ip_evidence_days",
    metadata,
    sa.Column("site", sa.String(63), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
)

#: Who wrote or was refused, by the minute: never joined to a decision or a subject. ``sealed`` is the address.
ip_evidence = sa.Table(
    "ip_evidence",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("day", sa.Integer, nullable=False),
    sa.Column("minute_ms", sa.BigInteger, nullable=False),
    sa.Column("act", sa.String(63), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Index("ip_evidence_of_a_day", "site", "day"),
    sqlite_with_rowid=False,
)

#: Break-glass look-ups. ``address`` is encrypted under the look-up's own key.
ip_lookups = sa.Table(
    "ip_lookups",
    metadata,
    sa.Column("id", sa.String(11), primary_key=True),
    sa.Column("site", sa.String(63), nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("address", sa.LargeBinary),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_by", sa.String(63), nullable=False),
    sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
    sa.Column("approved_by", sa.String(63)),
    sa.Column("approved_at_ms", sa.BigInteger),
    sa.Column("open_until_ms", sa.BigInteger),
    sa.Column("used", sa.Integer, nullable=False),
)

"""Payloads encrypted under subject keys, and the sealed ledger over them.

Rows that were stored in clear wait in ``*_plain`` until the service, which holds the keys, takes them over
(``storage/adopting.py``).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cookiegate.storage.column_types import RISING, numbered

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the new tables, and sets aside what the old ones hold."""
    bind = op.get_bind()
    for table in ("decisions", "consents"):
        if bind.scalar(sa.text(f"SELECT count(*) FROM {table}")):  # noqa: S608  our own names
            op.rename_table(table, f"{table}_plain")
        else:
            op.drop_table(table)
    _make_record()
    _make_ledger()
    _renew_revocations()


def _make_record() -> None:
    op.create_table(
        "decisions",
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
    op.create_table(
        "consents",
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
    op.create_table(
        "entries",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("site", sa.String(63)),
        sa.Column("key_id", sa.BigInteger, index=True),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at_ms", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("shreds", sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False))


def _make_ledger() -> None:
    op.create_table(
        "unsealed",
        numbered("sequence"),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
    )
    op.create_table(
        "positions",
        sa.Column("position", RISING, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.UniqueConstraint("entry_id"),
    )
    op.create_table(
        "ledger_tiles",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", RISING, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", RISING, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("sealed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("holder", sa.String(63), nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )


def _renew_revocations() -> None:
    op.rename_table("revocations", "revocations_old")
    op.create_table(
        "revocations",
        numbered("sequence"),
        sa.Column("status_list", sa.Integer, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("sub", sa.String(22)),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger, nullable=False),
    )
    # Their tokens expired long ago; only the bits count, so neither site nor subject is carried over.
    op.execute(
        "INSERT INTO revocations (sequence, status_list, status_index, site, epoch, revoked_at_ms) "
        "SELECT sequence, status_list, status_index, '', epoch, revoked_at_ms FROM revocations_old"
    )
    op.drop_table("revocations_old")

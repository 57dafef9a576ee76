"""The first record: policies, notices, decisions, consents, answers, status lists, artifacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cookiegate.storage.column_types import numbered

revision = "0001"
down_revision = None

IMMUTABLE = ("policies", "notices")


def upgrade() -> None:
    """Creates every table, and triggers that keep published policies as they were."""
    op.create_table(
        "policies",
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
    op.create_table(
        "notices",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "decisions",
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
    op.create_table(
        "consents",
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
    op.create_table(
        "answers",
        sa.Column("site", sa.String(63), primary_key=True),
        sa.Column("key_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("decision_id", sa.String(36), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "status_lists",
        numbered("id"),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("multiplier", sa.Integer, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
    )
    op.create_table(
        "revocations",
        numbered("sequence"),
        sa.Column("status_list", sa.Integer, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.Column("sub", sa.String(22), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    _keep_as_published(op.get_bind().dialect.name)


def _keep_as_published(dialect: str) -> None:
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% are immutable', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
    for table in IMMUTABLE:
        if dialect == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
            continue
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
            )

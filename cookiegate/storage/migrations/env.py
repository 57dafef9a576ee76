"""Alembic's entry: runs the migrations on the connection that ``migrating.migrate`` brought."""

from __future__ import annotations

from alembic import context

from cookiegate.storage.tables_all import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"], target_metadata=metadata, on_version_apply=given.get("on_version_apply", ())
)
with context.begin_transaction():
    context.run_migrations()

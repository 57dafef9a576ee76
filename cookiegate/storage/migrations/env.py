"""Alembic's entry: runs the migrations on the connection that ``migrating.migrate`` brought."""

from __future__ import annotations

from alembic import context

from cookiegate.storage.tables_all import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

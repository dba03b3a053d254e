"""Alembic's entry: runs on the connection it is handed (see core.store.schema)."""

from __future__ import annotations

from alembic import context

from core.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()

"""Runs the migrations on the connection and in the transaction that `schema.migrate` has opened."""

from __future__ import annotations

from alembic import context

from sync.state.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
)
context.run_migrations()

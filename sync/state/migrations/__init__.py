"""Alembic migrations; `sync.state.schema` runs them."""

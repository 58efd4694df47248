"""A write that an event caused names it, so that no event is delivered twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One column and an index of the rows that use it; the table is rebuilt, so that it looks like a new one."""
    with op.batch_alter_table("operation", recreate="always") as batch:
        batch.add_column(sa.Column("cause", sa.String(), nullable=True))
    where = sa.text("cause IS NOT NULL")
    op.create_index("ix_operation_cause", "operation", ["cause"], sqlite_where=where, postgresql_where=where)

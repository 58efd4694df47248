"""The first shape."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _document(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _few(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _make_audit() -> None:
    op.create_table(
        "audit",
        _integer("number"),
        _time("at"),
        _text("kind"),
        _document("detail"),
        _text("hash"),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )


def _make_conflict() -> None:
    op.create_table(
        "conflict",
        _integer("number"),
        _text("id"),
        _text("entity"),
        _text("record"),
        _text("field"),
        _document("contenders"),
        _text("reason"),
        _time("opened_at"),
        _time("closed_at", nullable=True),
        _text("outcome", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_conflict"),
        sa.UniqueConstraint("id", name="uq_conflict_id"),
    )
    op.create_index("ix_conflict_record_field", "conflict", ["record", "field"])


def _make_cursor() -> None:
    op.create_table(
        "cursor",
        _text("system"),
        _text("object"),
        _text("feed"),
        _text("cursor"),
        _time("at"),
        sa.PrimaryKeyConstraint("system", "object", "feed", name="pk_cursor"),
    )


def _make_inbox() -> None:
    op.create_table(
        "inbox",
        _integer("number"),
        _text("system"),
        _text("event"),
        _text("kind"),
        _document("body"),
        _time("received_at"),
        _time("handled_at", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_inbox"),
        sa.UniqueConstraint("system", "event", name="uq_inbox_system_event"),
    )
    _few("ix_inbox_waiting", "inbox", ["number"], "handled_at IS NULL")


def _make_match_key() -> None:
    op.create_table(
        "match_key",
        _text("entity"),
        _text("field"),
        _text("value"),
        _integer("observed_number"),
        sa.PrimaryKeyConstraint("entity", "field", "value", "observed_number", name="pk_match_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_match_key_observed_number", "match_key", ["observed_number"])


def _make_meta() -> None:
    op.create_table(
        "meta",
        _text("key"),
        _text("value"),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _make_observed() -> None:
    op.create_table(
        "observed",
        _integer("number"),
        _text("entity"),
        _text("system"),
        _text("object"),
        _text("remote_id"),
        _text("version", nullable=True),
        _time("changed_at", nullable=True),
        _time("created_at", nullable=True),
        _time("unchanged_at", nullable=True),
        _time("seen_at"),
        _truth("deleted"),
        _text("merged_into", nullable=True),
        _truth("dirty"),
        _text("sweep", nullable=True),
        _integer("absent"),
        _text("absent_run", nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _document("image"),
        sa.PrimaryKeyConstraint("number", name="pk_observed"),
        sa.UniqueConstraint("system", "remote_id", "object", name="uq_observed_system_remote_id_object"),
    )
    _few("ix_observed_dirty", "observed", ["entity", "number"], "dirty = 1")
    op.create_index("ix_observed_entity_system_deleted", "observed", ["entity", "system", "deleted"])
    _few("ix_observed_gone", "observed", ["entity", "number"], "deleted = 1")
    _few("ix_observed_merged", "observed", ["entity", "number"], "merged_into IS NOT NULL")


def _make_operation() -> None:
    op.create_table(
        "operation",
        _integer("number"),
        _text("run"),
        _text("entity"),
        _text("record"),
        _text("system"),
        _text("object"),
        _text("kind"),
        _text("remote_id", nullable=True),
        _text("reason"),
        _text("address", nullable=True),
        _integer("clears"),
        _text("status"),
        _text("error", nullable=True),
        _text("message"),
        _time("planned_at"),
        _time("sent_at", nullable=True),
        _time("finished_at", nullable=True),
        _time("doubt_until", nullable=True),
        _integer("looks"),
        _truth("resent"),
        _document("changes"),
        sa.PrimaryKeyConstraint("number", name="pk_operation"),
    )
    _few("ix_operation_open", "operation", ["number"], "status IN ('sent', 'in_doubt')")
    _few("ix_operation_vain", "operation", ["entity", "sent_at"], "error IN ('NOT_APPLIED', 'REPEATED')")
    op.create_index("ix_operation_record", "operation", ["record"])
    op.create_index("ix_operation_run_number", "operation", ["run", "number"])


def _make_quarantine() -> None:
    op.create_table(
        "quarantine",
        _integer("number"),
        _text("id"),
        _text("entity"),
        _text("system"),
        _text("record", nullable=True),
        _text("object", nullable=True),
        _text("remote_id", nullable=True),
        _text("error"),
        _text("message"),
        _text("remedy"),
        _text("field", nullable=True),
        _integer("attempts"),
        _time("next_try_at", nullable=True),
        _document("candidates"),
        _time("at"),
        sa.PrimaryKeyConstraint("number", name="pk_quarantine"),
        sa.UniqueConstraint("id", name="uq_quarantine_id"),
    )
    op.create_index("ix_quarantine_record", "quarantine", ["record"])


def _make_record() -> None:
    op.create_table(
        "record",
        _integer("number"),
        _text("id"),
        _text("entity"),
        _text("status"),
        _integer("survivor", nullable=True),
        _integer("pending"),
        _document("cells"),
        sa.PrimaryKeyConstraint("number", name="pk_record"),
        sa.UniqueConstraint("id", name="uq_record_id"),
    )
    _few("ix_record_pending", "record", ["entity", "number"], "pending > 0")
    _few("ix_record_survivor", "record", ["survivor"], "survivor IS NOT NULL")


def _make_refusal() -> None:
    op.create_table(
        "refusal",
        _text("record"),
        _text("system"),
        _text("hash"),
        sa.PrimaryKeyConstraint("record", "system", name="pk_refusal"),
    )


def _make_run() -> None:
    op.create_table(
        "run",
        _integer("number"),
        _text("run"),
        _text("kind"),
        _truth("full_read"),
        _document("entities"),
        _text("status"),
        _time("started_at"),
        sa.Column("seconds", sa.Float(), nullable=True),
        _document("systems"),
        _document("failed"),
        _text("note"),
        sa.PrimaryKeyConstraint("number", name="pk_run"),
        sa.UniqueConstraint("run", name="uq_run_run"),
    )


def _make_secret() -> None:
    op.create_table(
        "secret",
        _text("system"),
        _text("value"),
        _text("previous", nullable=True),
        _time("at"),
        sa.PrimaryKeyConstraint("system", name="pk_secret"),
    )


def _make_suppression() -> None:
    op.create_table(
        "suppression",
        _integer("number"),
        _text("digest"),
        _text("act"),
        _time("at"),
        _text("system"),
        _text("reason"),
        _text("evidence"),
        _text("author"),
        sa.PrimaryKeyConstraint("number", name="pk_suppression"),
    )
    op.create_index("ix_suppression_digest", "suppression", ["digest"])


def _make_turn() -> None:
    op.create_table(
        "turn",
        _integer("number"),
        _text("run"),
        _text("record"),
        _time("at"),
        _document("turns"),
        sa.PrimaryKeyConstraint("number", name="pk_turn"),
    )
    op.create_index("ix_turn_record_number", "turn", ["record", "number"])
    op.create_index("ix_turn_run_number", "turn", ["run", "number"])


def _make_link() -> None:
    op.create_table(
        "link",
        _integer("number"),
        _integer("record_number"),
        _integer("observed_number"),
        _text("entity"),
        _text("system"),
        _text("state"),
        _time("busy_until", nullable=True),
        _truth("quarantined"),
        _truth("created_by_us"),
        _document("exchange"),
        sa.PrimaryKeyConstraint("number", name="pk_link"),
        sa.UniqueConstraint("observed_number", name="uq_link_observed_number"),
        sa.ForeignKeyConstraint(["record_number"], ["record.number"], name="fk_link_record_number"),
        sa.ForeignKeyConstraint(["observed_number"], ["observed.number"], name="fk_link_observed_number"),
    )
    op.create_index("ix_link_entity_state_system", "link", ["entity", "state", "system"])
    op.create_index("ix_link_record_number", "link", ["record_number"])


def upgrade() -> None:
    """Makes all tables."""
    _make_audit()
    _make_conflict()
    _make_cursor()
    _make_inbox()
    _make_match_key()
    _make_meta()
    _make_observed()
    _make_operation()
    _make_quarantine()
    _make_record()
    _make_refusal()
    _make_run()
    _make_secret()
    _make_suppression()
    _make_turn()
    _make_link()

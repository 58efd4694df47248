"""The tables. No row leaves the room: callers get the frozen values of `sync.model` and `sync.state.rows`.

Shapes: an integer key everywhere, text keys beside it as UNIQUE. Times are whole microseconds since 1970 (UTC), truths
are 0 and 1. Documents (cells, exchange, image, changes, turns) are JSON in one text column:
docs/decisions/001-documents-in-rows.md. The hot statements derive their column lists from these classes
(`statements`), so that they cannot drift.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Text, text
from sqlalchemy.orm import registry
from sqlmodel import BigInteger, Field, Index, SQLModel, UniqueConstraint

OPEN = "status IN ('sent', 'in_doubt')"
"""An operation whose outcome is not known; the partial index and the statements must say it with these words."""
UNREAD = "UNREAD"
"""The error of a sent operation that was acknowledged and booked, and whose row was not read back yet."""
DOUBTFUL = f"{OPEN} AND coalesce(error, '') <> '{UNREAD}'"
VAIN = "error IN ('NOT_APPLIED', 'REPEATED')"
"""A write that was in doubt and was given up: what it would have done is not taken for a person's doing if it lands after all."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def _where(name: str, *columns: str, condition: str) -> Index:
    """An index of the few rows that fulfil the condition."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=_NAMES))):
    """The root: our own metadata, so that nothing else in the process shares it."""


class RecordTable(Table, table=True):
    """A golden record. ``status``: live, merged (``survivor`` is the winner's number) or forgotten (an empty shell).

    ``pending``: 0 no, 1 something was planned for it, 2 there is news of it.
    """

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("id"),
        _where("ix_record_pending", "entity", "number", condition="pending > 0"),
        _where("ix_record_survivor", "survivor", condition="survivor IS NOT NULL"),
    )
    number: int | None = Field(default=None, primary_key=True)
    id: str
    entity: str
    status: str
    survivor: int | None
    pending: int
    cells: str = Field(sa_type=Text)


class ObservedTable(Table, table=True):
    """A remote row as last observed. ``dirty``: not matched since it changed. ``absent``: runs that lacked it."""

    __tablename__ = "observed"
    __table_args__ = (
        UniqueConstraint("system", "remote_id", "object"),
        Index(None, "entity", "system", "deleted"),
        _where("ix_observed_dirty", "entity", "number", condition="dirty = 1"),
        _where("ix_observed_gone", "entity", "number", condition="deleted = 1"),
        _where("ix_observed_merged", "entity", "number", condition="merged_into IS NOT NULL"),
    )
    number: int | None = Field(default=None, primary_key=True)
    entity: str
    system: str
    object: str
    remote_id: str
    version: str | None
    changed_at: int | None = Field(sa_type=BigInteger)
    created_at: int | None = Field(sa_type=BigInteger)
    unchanged_at: int | None = Field(sa_type=BigInteger)
    seen_at: int = Field(sa_type=BigInteger)
    deleted: bool
    merged_into: str | None
    dirty: bool
    sweep: str | None
    absent: int
    absent_run: str | None
    digest: bytes
    image: str = Field(sa_type=Text)


class LinkTable(Table, table=True):
    """Record <-> observed row. ``entity`` and ``system`` repeat the observed row's, so that counting stays cheap."""

    __tablename__ = "link"
    __table_args__ = (UniqueConstraint("observed_number"), Index(None, "entity", "state", "system"))
    number: int | None = Field(default=None, primary_key=True)
    record_number: int = Field(foreign_key="record.number", index=True)
    observed_number: int = Field(foreign_key="observed.number")
    entity: str
    system: str
    state: str
    busy_until: int | None = Field(sa_type=BigInteger)
    quarantined: bool
    created_by_us: bool
    exchange: str = Field(sa_type=Text)


class MatchKeyTable(Table, table=True):
    """Who holds a normalised match key. Narrow, so the key is the table."""

    __tablename__ = "match_key"
    __table_args__: Any = (Index(None, "observed_number"), {"sqlite_with_rowid": False})
    entity: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    observed_number: int = Field(primary_key=True)


class CursorTable(Table, table=True):
    """How far an object was read, with which feed (its fingerprint: another feed starts anew) and on which walk."""

    __tablename__ = "cursor"
    system: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    feed: str = Field(primary_key=True)
    cursor: str
    at: int = Field(sa_type=BigInteger)


class RunTable(Table, table=True):
    """One pass. ``seconds`` is empty while it is running, and for ever if it crashed."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("run"),)
    number: int | None = Field(default=None, primary_key=True)
    run: str
    kind: str
    full_read: bool
    entities: str = Field(sa_type=Text)
    status: str
    started_at: int = Field(sa_type=BigInteger)
    seconds: float | None
    systems: str = Field(sa_type=Text)
    failed: str = Field(sa_type=Text)
    note: str


class OperationTable(Table, table=True):
    """The journal. ``clears``: how many changes empty a field. ``address`` is for the gate and goes with `forget`.

    ``finished_at``: when its outcome was booked; of one in doubt, when it was last looked for.

    ``cause`` names the event, and the route it took, of a write that an event caused (`sync.state.inbox`).
    """

    __tablename__ = "operation"
    __table_args__ = (
        Index(None, "run", "number"),
        _where("ix_operation_open", "number", condition=OPEN),
        _where("ix_operation_vain", "entity", "sent_at", condition=VAIN),
        _where("ix_operation_cause", "cause", condition="cause IS NOT NULL"),
    )
    number: int | None = Field(default=None, primary_key=True)
    run: str
    entity: str
    record: str = Field(index=True)
    system: str
    object: str
    kind: str
    remote_id: str | None
    reason: str
    address: str | None
    clears: int
    status: str
    error: str | None
    message: str
    planned_at: int = Field(sa_type=BigInteger)
    sent_at: int | None = Field(sa_type=BigInteger)
    finished_at: int | None = Field(sa_type=BigInteger)
    doubt_until: int | None = Field(sa_type=BigInteger)
    looks: int
    resent: bool
    changes: str = Field(sa_type=Text)
    cause: str | None


class TurnTable(Table, table=True):
    """What one run changed in one record's cells: what undo and explain read."""

    __tablename__ = "turn"
    __table_args__ = (Index(None, "run", "number"), Index(None, "record", "number"))
    number: int | None = Field(default=None, primary_key=True)
    run: str
    record: str
    at: int = Field(sa_type=BigInteger)
    turns: str = Field(sa_type=Text)


class ConflictTable(Table, table=True):
    """Values a person must choose between. Open while ``closed_at`` is empty; ``outcome`` says how it ended."""

    __tablename__ = "conflict"
    __table_args__ = (UniqueConstraint("id"), Index(None, "record", "field"))
    number: int | None = Field(default=None, primary_key=True)
    id: str
    entity: str
    record: str
    field: str
    contenders: str = Field(sa_type=Text)
    reason: str
    opened_at: int = Field(sa_type=BigInteger)
    closed_at: int | None = Field(sa_type=BigInteger)
    outcome: str | None


class QuarantineTable(Table, table=True):
    """Records, or single fields of them, set aside."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("id"),)
    number: int | None = Field(default=None, primary_key=True)
    id: str
    entity: str
    system: str
    record: str | None = Field(index=True)
    object: str | None
    remote_id: str | None
    error: str
    message: str
    remedy: str
    field: str | None
    attempts: int
    next_try_at: int | None = Field(sa_type=BigInteger)
    candidates: str = Field(sa_type=Text)
    at: int = Field(sa_type=BigInteger)


class RefusalTable(Table, table=True):
    """A create that a system refused for good, by the hash of what it would have written."""

    __tablename__ = "refusal"
    record: str = Field(primary_key=True)
    system: str = Field(primary_key=True)
    hash: str


class SuppressionTable(Table, table=True):
    """The ledger of opt-outs: rows are only ever added; the newest of a digest decides (suppress, forget, lift)."""

    __tablename__ = "suppression"
    number: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    act: str
    at: int = Field(sa_type=BigInteger)
    system: str
    reason: str
    evidence: str
    author: str


class InboxTable(Table, table=True):
    """Webhook events, durable before they are answered."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("system", "event"),
        _where("ix_inbox_waiting", "number", condition="handled_at IS NULL"),
    )
    number: int | None = Field(default=None, primary_key=True)
    system: str
    event: str
    kind: str
    body: str = Field(sa_type=Text)
    received_at: int = Field(sa_type=BigInteger)
    handled_at: int | None = Field(sa_type=BigInteger)


class SecretTable(Table, table=True):
    """Rotating credentials: the present one and the one before. Plain text in a file of mode 0600."""

    __tablename__ = "secret"
    system: str = Field(primary_key=True)
    value: str
    previous: str | None
    at: int = Field(sa_type=BigInteger)


class MetaTable(Table, table=True):
    """Single facts: the generation, tenant pins, fingerprints, the ledger's key."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


class AuditTable(Table, table=True):
    """What operators did and which guards they released; each row holds the hash of the one before."""

    __tablename__ = "audit"
    number: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_type=BigInteger)
    kind: str
    detail: str = Field(sa_type=Text)
    hash: str

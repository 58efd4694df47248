"""The golden record and its links: what the merge reads and what it leaves behind.

One record is one real thing. Its cells hold the canonical values with their provenance; each link holds, per field, the
exchange with that system: what we last asked it to hold (`sent`), what it then held (`seen`) and which version of the cell that
was (`acked`). `seen` over all fields is the shadow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sync.model.remote import Kind
from sync.model.values import Canonical, Native


@dataclass(frozen=True, slots=True)
class Past:
    """A value that a cell held before: until when, and which version."""

    value: Canonical
    version: int
    until: datetime


@dataclass(frozen=True, slots=True)
class HubCell:
    """One canonical value with its provenance.

    ``origin`` is the system it came from ("" for a computed or default value, "operator" for a person's choice), ``rule`` what made it
    win. It changed between ``changed_after`` and ``changed_by`` (None: unknown). ``held`` is the digest of an open conflict: nobody is
    written for this field. ``past`` are at most 8 earlier values, newest first.
    """

    value: Canonical
    version: int
    origin: str
    rule: str
    changed_after: datetime | None = None
    changed_by: datetime | None = None
    held: str | None = None
    past: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last exchange of one field with one link, in native values. ``rejected`` is the hash of a payload it refused for good."""

    sent: Native
    seen: Native
    acked: int
    rejected: str | None = None


class LinkState(str, Enum):
    """What a link is good for."""

    LINKED = "linked"
    TOMBSTONE = "tombstone"
    """Its remote was deleted; kept so that it is never re-created."""
    OUT_OF_SCOPE = "out_of_scope"
    """Its remote left the filter: neither read nor written, not deleted."""
    FORMER = "former"
    """Its person has another address by now and with it another remote there. Kept like that one, but for its address; never opted in."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One remote row as last observed. ``number`` is the state's own key.

    The row changed after ``unchanged_at`` (when the old image was last seen; None: never) and by ``changed_at`` (its own stamp).
    """

    number: int
    system: str
    object: str
    remote_id: str
    values: Mapping[str, Native]
    version: str | None
    changed_at: datetime | None
    unchanged_at: datetime | None
    seen_at: datetime
    deleted: bool = False
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Record <-> one remote row. ``exchange`` by field; a field that is not there was never exchanged.

    ``busy_until``: a write is in doubt, or may still land, until then; nothing is merged from or planned for it.
    """

    number: int
    state: LinkState
    observed: Observation
    exchange: Mapping[str, Exchange]
    busy_until: datetime | None = None
    quarantined: bool = False

    @property
    def system(self) -> str:
        """The system it leads to."""
        return self.observed.system

    @property
    def alive(self) -> bool:
        """Whether it leads to a row of its record, under the address of now or a former one."""
        return self.state in (LinkState.LINKED, LinkState.FORMER)


@dataclass(frozen=True, slots=True)
class Record:
    """The golden record. ``links`` are in the order of their making; at most one LINKED per system."""

    number: int
    id: str
    entity: str
    cells: Mapping[str, HubCell]
    links: tuple[Link, ...]
    occupied: frozenset[str] = frozenset()
    """Systems where a create of ours is in doubt: the slot is taken."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that did not win: canonical, with the rule that beat it."""

    system: str
    value: Canonical
    rule: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of a hub cell in one run: what undo and explain read."""

    field: str
    before: Canonical
    after: Canonical
    origin: str
    rule: str
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one operation, in native values. ``version`` is the cell version it carries."""

    field: str
    native: str
    before: Native
    after: Native
    origin: str
    rule: str
    version: int
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One planned write to one remote row. ``address`` is the person's e-mail, for the gate and never for logs.

    ``cause`` names the event and the route of a write that an event caused: one cause has one effect.
    """

    entity: str
    record: str
    system: str
    object: str
    kind: Kind
    remote_id: str | None
    changes: tuple[Change, ...]
    reason: str
    address: str | None = None
    cause: str | None = None


class Status(str, Enum):
    """Where an operation stands; the journal's states."""

    PLANNED = "planned"
    SENT = "sent"
    """Durable before the first byte leaves."""
    SETTLED = "settled"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Journalled:
    """An operation with its journal row."""

    number: int
    run: str
    operation: Operation
    status: Status
    error: str | None = None
    message: str = ""
    sent_at: datetime | None = None
    doubt_until: datetime | None = None
    looks: int = 0
    """How often an in-doubt create was looked up without being found."""
    resent: bool = False
    """It was repeated once after all look-ups failed."""
    looked_at: datetime | None = None
    """When it was last looked for, if it was."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Values of one field that a person must choose between. ``id`` is the digest of (record, field, values)."""

    id: str
    entity: str
    record: str
    field: str
    values: Mapping[str, Canonical]
    reason: str
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record (or one field of it, in one system) set aside, with the reason and the remedy. ``id`` is stable for the same reason."""

    id: str
    entity: str
    system: str
    record: str | None
    object: str | None
    remote_id: str | None
    error: str
    message: str
    remedy: str
    field: str | None = None
    attempts: int = 1
    next_try_at: datetime | None = None
    candidates: tuple[str, ...] = ()

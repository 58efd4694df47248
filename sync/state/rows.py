"""What goes through the door beside the values of `sync.model`: small frozen rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.model.record import LinkState, Observation, Record, Status, Turn
from sync.model.remote import NativeRecord

Keys = tuple[tuple[str, str], ...]
"""Match keys: (field, normalised value)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A row that was read, with the match keys it holds. Of ``hidden`` ones it shows nothing: it keeps those it had."""

    record: NativeRecord
    keys: Keys = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A changed row that belongs to no record yet."""

    observation: Observation
    keys: Keys


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a match key: an observed row (``number``), and the record it is linked to, if any."""

    number: int
    system: str
    object: str
    remote_id: str
    deleted: bool
    record: str | None = None
    link_state: LinkState | None = None
    record_number: int | None = None


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to make. ``observed`` are the numbers of the rows it is linked to from the start."""

    id: str
    entity: str
    observed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordSaved:
    """A record as the merge left it: cells, and per link state, exchange, busy_until and quarantined are stored.

    ``pending`` says whether it is looked at again in the next run (None: as it is).
    """

    record: Record
    pending: bool | None
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a journalled operation. None leaves ``remote_id``, ``looks`` and ``resent`` as they are."""

    number: int
    status: Status
    error: str | None = None
    message: str = ""
    doubt_until: datetime | None = None
    remote_id: str | None = None
    looks: int | None = None
    resent: bool | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. Until it ends ``status`` is "running", ``seconds`` None. ``systems``: name -> counter -> number.

    ``note``: the run that it refers to: that which an undo undid, or which holds the plan of one that was stopped.
    """

    run: str
    kind: str
    full: bool
    entities: tuple[str, ...]
    status: str
    started_at: datetime
    seconds: float | None
    systems: Mapping[str, Mapping[str, int]]
    note: str
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Systems that did not take part to the end: why, and what to do; empty where that was not kept."""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """What one run changed in one record."""

    run: str
    record: str
    at: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows of one entity in one system: observed and not deleted; linked."""

    live: int
    linked: int


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out to remember. ``system`` is where it was seen, ``at`` when (None: now)."""

    address: str
    system: str
    reason: str
    evidence: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook event that waits to be handled."""

    number: int
    system: str
    event: str
    kind: str
    body: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act of an operator."""

    at: datetime
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One value on its way: ``began_at`` when somebody set it, ``arrived`` when each system held it, ``waiting`` where it is not yet."""

    run: str
    record: str
    field: str
    began_at: datetime
    arrived: Mapping[str, datetime]
    waiting: frozenset[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Webhook events that nobody has handled yet."""

    count: int
    oldest_at: datetime | None

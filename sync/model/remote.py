"""What a system holds and what it is asked to hold: native records, pages, writes, receipts, schemas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

from sync.model.values import Native


@dataclass(frozen=True, slots=True)
class Feed:
    """What to read of one object: only these native paths are ever asked for or kept.

    ``where`` is a native condition added to every read; ``params`` are native read parameters (Letrics filters).
    """

    object: str
    paths: tuple[str, ...]
    where: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """One remote row: native path -> native value. A path that is not there is MISSING, not blank.

    ``version`` is the remote's opaque change token, ``changed_at`` the remote's own time of the last change (UTC) or
    None where it tells none. ``deleted`` is positive evidence (a tombstone row); ``merged_into`` names the winner of
    a merge. ``by_us`` is True where the remote proves that our own user made the last change.
    """

    object: str
    id: str
    values: Mapping[str, Native]
    version: str | None = None
    changed_at: datetime | None = None
    created_at: datetime | None = None
    deleted: bool = False
    merged_into: str | None = None
    by_us: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a pull, in the feed's order.

    ``cursor`` may be stored as soon as this page and all before it are (None: not yet). ``complete`` is set on the
    last page alone, when the walk from the first page was a verified complete enumeration of the object.
    ``total`` is the number of rows expected in the whole pull, where the remote tells.
    """

    records: tuple[NativeRecord, ...]
    cursor: str | None = None
    complete: bool = False
    total: int | None = None


class Kind(str, Enum):
    """What an operation does to one remote id."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    LINK = "link"
    SUBSCRIBE = "subscribe"
    ENGAGE = "engage"


@dataclass(frozen=True, slots=True)
class Write:
    """One row to write: native path -> native value, only what changes.

    ``external_id`` is the native path that holds our record id (`record`), where the object has one: a create with it is an
    upsert and repeatable. ``address`` is the person's e-mail, for the consent gate. ``number`` is the caller's; the receipt carries it.
    ``expected``: native path -> what an update takes the row to hold there; see `Capabilities.conditional_update`. Of an opt-in
    every connector is told the word that it is laid over.
    """

    number: int
    kind: Kind
    object: str
    remote_id: str | None
    record: str
    values: Mapping[str, Native]
    external_id: str | None = None
    address: str | None = None
    expected: Mapping[str, Native] = field(default_factory=dict)


class Outcome(str, Enum):
    """What became of a write."""

    ACKED = "acked"
    """It happened."""
    REJECTED = "rejected"
    """It did not happen, and the same payload never will."""
    THROTTLED = "throttled"
    """It did not happen; later it may (quota, row lock)."""
    DOUBT = "doubt"
    """It may have happened."""
    GONE = "gone"
    """The remote row does not exist (any more)."""
    MOVED = "moved"
    """It did not happen: the row changed since it was read (conditional write refused), or the key is taken."""


OLD_ROW_LEFT: Final = "OLD_ROW_LEFT"
"""A new address has made a new row, and the row under the old one is still there."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write returned. ``values`` is the row as it now stands, where the answer carries it (native paths).

    ``error`` is the system's own code, ``fields`` the native paths it blames. ``message`` holds ids and names, never values.
    ``remote_id`` with MOVED names the row that has the key already; an update that found its row changed carries it in ``values``.
    An update that was ACKED under another id than the write's has handed the record on to that row; with the error `OLD_ROW_LEFT`
    the old one is still there. ``created``: the row was made by this write, and holds what the old one held.
    """

    number: int
    outcome: Outcome
    remote_id: str | None = None
    created: bool = False
    values: Mapping[str, Native] | None = None
    version: str | None = None
    changed_at: datetime | None = None
    error: str | None = None
    message: str = ""
    remedy: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One native field as the system describes it to this user. ``length`` in characters; ``values`` of a picklist that refuses others."""

    path: str
    type: str
    createable: bool = True
    updateable: bool = True
    required: bool = False
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    values: tuple[str, ...] | None = None
    restricted: bool = False
    unique: bool = False
    external_id: bool = False
    refers_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """One native object: field by native path. ``open`` means that other paths may exist (schemaless systems)."""

    object: str
    fields: Mapping[str, FieldSchema]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    open: bool = False

    def lengths(self) -> dict[str, int]:
        """Native path -> characters that the field holds, for those that tell."""
        return {path: described.length for path, described in self.fields.items() if described.length}


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose data these credentials open; pinned in the state. ``id`` is opaque and stable."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls made since the connector was built, and what the vendor says is left (None: it does not say)."""

    calls: int = 0
    read: int = 0
    written: int = 0
    calls_left: int | None = None
    calls_limit: int | None = None
    gate_refusals: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an object of a system can do; drives the runner. Sizes in rows, times in seconds."""

    writable: bool = True
    creatable: bool = True
    deletable: bool = False
    listable: bool = True
    """Has a feed that pull can walk; else only fetch and lookup read it."""
    tombstones: bool = False
    """Deleted rows come through the feed."""
    lookup_paths: tuple[str, ...] = ()
    """Native paths by which `lookup` finds rows."""
    repeatable_create: bool = False
    """A create may be repeated without a second row: by external id where the mapping names one, or by natural key."""
    repeatable_by_key: bool = False
    """It may be without our id: a row with the same natural key is updated, or stands in the way of a second."""
    returns_record: bool = False
    """A receipt carries the row as it now stands."""
    conditional_update: bool = False
    """An update reads its row itself right before it writes; where that is not as ``Write.expected``, nothing is sent and it is MOVED."""
    sparse: bool = True
    """A path that is not returned was never set; else it is one that this user may not read."""
    readable: bool = True
    """Rows show their columns; else they are only written, and what was sent last is taken for what stands there."""
    clearable: bool = True
    """A blank may be sent; else clears are reported as uncleared."""
    batch_size: int = 1
    """Rows per write request."""
    journal_size: int = 1
    """Rows journalled and pushed at a time: a multiple of batch_size, bounded so that a crash leaves few in doubt."""
    fetch_size: int = 1
    """Ids per fetch request."""
    day_granular: bool = False
    """changed_at may not be compared within a day."""
    horizon_s: float = 300.0
    """How long a timed-out write may still land."""
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Native path -> characters that the column holds, where the system tells."""

"""What a run did, as a value: the object that `sync`, `plan`, `apply`, `backfill` and `undo` print, and their exit code.

Rows are plain dictionaries, in the shapes of the typed dictionaries below, so that they go to JSON, to a table and to the
dashboard as they are. Keys beyond the required ones are optional: more may be told, nothing is renamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NotRequired, TypedDict

from sync.model.values import Canonical, Native

OPERATIONS_SHOWN: Final = 1000


class LostRow(TypedDict):
    """A value that did not win, and the rule that beat it."""

    system: str
    value: Canonical
    rule: str


class ChangeRow(TypedDict):
    """One field of an operation. `before` and `after` are native, `from` the system the value came from."""

    field: str
    native: str
    before: Native
    after: Native
    rule: str
    lost: NotRequired[list[LostRow]]


class OperationRow(TypedDict):
    """One write. A change row also has the key `from`, which Python does not allow in a class body.

    `record` is our id, `key` what a person calls the record (e-mail, domain, name), `id` the remote id.
    """

    entity: str
    record: str
    key: NotRequired[str]
    system: str
    op: str
    id: str | None
    status: str
    reason: str
    changes: list[dict[str, Any]]


class ConflictRow(TypedDict):
    """Values a person must choose between, canonical, by system."""

    id: str
    entity: str
    record: str
    key: NotRequired[str]
    ids: NotRequired[dict[str, str]]
    field: str
    values: dict[str, Canonical]
    reason: str


class QuarantineRow(TypedDict):
    """A record set aside. `error` is a short stable code."""

    id: str
    entity: str
    system: str
    record: str | None
    key: NotRequired[str]
    ids: NotRequired[dict[str, str]]
    error: str
    message: str
    remedy: str
    attempts: NotRequired[int]
    next_try_at: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one system in one run: rows read and written, and requests made; ``engaged``: what events caused. Always complete."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: int = 0
    calls: int = 0
    engaged: int = 0


@dataclass(frozen=True, slots=True)
class LimitHit:
    """A safety limit that a plan went beyond: `limit` is its key in [safety], `system` where."""

    system: str
    limit: str
    planned: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A system that could not be served. `remedy` says what to do; `kind` is unreachable, auth, quota, tenant, drift, or empty."""

    system: str
    message: str
    remedy: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run. `systems` in the order of the configuration; `conflicts` and `quarantined` are those still open.

    `in_doubt` and `skipped` count operations: writes of unknown outcome, and rows of an approved plan or an undo that moved
    meanwhile. `digest` is the plan's, where there is one.
    """

    run: str
    full: bool
    seconds: float
    systems: Mapping[str, Counts]
    operations: Sequence[Mapping[str, Any]] = ()
    conflicts: Sequence[Mapping[str, Any]] = ()
    quarantined: Sequence[Mapping[str, Any]] = ()
    in_doubt: int = 0
    skipped: int = 0
    limits_hit: Sequence[LimitHit] = ()
    failures: Sequence[Failure] = ()
    notes: Sequence[str] = ()
    unseen: Sequence[Mapping[str, str]] = ()
    """Mapped columns that a system does not show: system, entity, field (empty: the one for our id), object, native."""
    digest: str | None = None
    undone: str | None = None
    """The run that this one undid."""

    @property
    def needs_person(self) -> bool:
        """Whether somebody must look although the run is done."""
        rejected = any(counts.failed for counts in self.systems.values())
        return bool(self.conflicts or self.quarantined or self.in_doubt or self.skipped or self.unseen or rejected)

    @property
    def status(self) -> str:
        """One of ok, attention, stopped (by a limit), failed (a system was not served)."""
        if self.limits_hit:
            return "stopped"
        if self.failures:
            return "failed"
        return "attention" if self.needs_person else "ok"

    @property
    def exit_code(self) -> int:
        """4 before 5 before 3, else 0."""
        return {"stopped": 4, "failed": 5, "attention": 3, "ok": 0}[self.status]

    def to_json(self, limit: int = OPERATIONS_SHOWN) -> dict[str, Any]:
        """The published object; at most `limit` operations, counts always complete."""
        shown = {
            "run": self.run,
            "status": self.status,
            "full": self.full,
            "seconds": round(self.seconds, 3),
            "systems": {name: asdict(counts) for name, counts in self.systems.items()},
            "operations": [dict(row) for row in self.operations[:limit]],
            "conflicts": [dict(row) for row in self.conflicts],
            "quarantined": [dict(row) for row in self.quarantined],
            "in_doubt": self.in_doubt,
            "skipped": self.skipped,
            "limits_hit": [asdict(hit) for hit in self.limits_hit],
            "failures": [asdict(failure) for failure in self.failures],
            "notes": list(self.notes),
            "unseen": [dict(row) for row in self.unseen],
        }
        extra = {"digest": self.digest, "undone": self.undone}
        return shown | {name: value for name, value in extra.items() if value is not None}


def column_named(row: Mapping[str, str]) -> str:
    """A row of `unseen` in words: the column, where it is mapped, and what it may have meant."""
    place = place_of(row)
    return f"{row['object']}.{row['native']}" + (f" ({place})" if place else "")


def place_of(row: Mapping[str, str]) -> str:
    """Where a row of `unseen` is mapped, and what it may have meant."""
    more = [row.get("where", ""), f"did you mean {row['nearest']}?" if row.get("nearest") else ""]
    return ", ".join(filter(None, more))

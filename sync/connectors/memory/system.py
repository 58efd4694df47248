"""The remote side of the memory connector: rows, what its server makes of them, and the people who edit them.

It outlives the connectors that are built on it, as a vendor outlives our process: a test that kills a run makes a new
`Memory` over the same `MemorySystem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync.model.clock import Clock
from sync.model.remote import ObjectSchema
from sync.model.values import Native, is_blank


@dataclass(frozen=True, slots=True)
class Traits:
    """What this system's API can do, and where it is nasty. Paths are native, times in seconds."""

    listable: bool = True
    tombstones: bool = False
    lookup_paths: tuple[str, ...] = ()
    external_ids: bool = False
    """A create that names an external id is an upsert."""
    natural_key: str | None = None
    """A create whose key is taken updates the row that has it."""
    new_key_new_row: bool = False
    """An update of the natural key leaves its row as it is, and fills the row that has the key by now, or makes it."""
    unique_key: str | None = None
    """A create whose key is taken is refused, and the answer names the row that has it."""
    returns_record: bool = False
    conditional_update: bool = False
    """An update looks at its row first, and is not made where that is not as expected."""
    tells_author: bool = False
    """A row says whether our own user changed it last."""
    creatable: bool = True
    deletable: bool = False
    clearable: bool = True
    truncates: bool = False
    """Text that is too long is cut; else it is refused."""
    day_granular: bool = False
    """Change times are dates."""
    lag_s: float = 0.0
    """Every other change is shown so much later by the feed and by look-ups, with its earlier stamp."""
    overlap_s: float = 0.0
    """How far below its cursor a pull reads again; as long as `lag_s` or longer."""
    drifts: bool = False
    """Listed by page number, newest change first: rows that change or go meanwhile shift the rest, and no walk is known to be complete."""
    page_size: int = 100
    batch_size: int = 10
    journal_size: int = 20
    horizon_s: float = 300.0
    late_s: float = 60.0
    """How much later a write lands that lands late."""
    opt_ins: Mapping[str, tuple[Native, ...]] = field(default_factory=dict)
    """By path, the native values that opt somebody in."""


@dataclass(slots=True)
class Row:
    """One remote row. ``made_by`` is the record id that our create carried; None: a person made it."""

    id: str
    values: dict[str, Native]
    created_at: datetime
    changed_at: datetime
    shown_at: datetime
    version: int = 1
    deleted: bool = False
    merged_into: str | None = None
    by_us: bool = False
    made_by: str | None = None


class MemorySystem:
    """Rows by object. The methods are people's acts behind the API; `store` is the server's half of a write."""

    def __init__(self, clock: Clock, schemas: Mapping[str, ObjectSchema], traits: Traits | None = None) -> None:
        self.clock = clock
        self.schemas = schemas
        self.traits = traits or Traits()
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in schemas}
        self._late: list[tuple[datetime, Callable[[], object]]] = []
        self._landing: datetime | None = None
        self._made = self._changes = 0

    def create(self, object: str, values: Mapping[str, Native], *, made_by: str | None = None) -> str:  # noqa: A002
        """A new row; its id."""
        self._made += 1
        now = self._now()
        fields = self.schemas[object].fields
        row = Row(f"{object[:3]}{self._made:05d}", dict.fromkeys(fields), now, now, self._shown(now))
        row.values |= {path: self.kept(object, path, value) for path, value in values.items()}
        row.by_us, row.made_by = made_by is not None, made_by
        self.tables[object][row.id] = row
        return row.id

    def edit(self, object: str, row_id: str, values: Mapping[str, Native], *, by_us: bool = False) -> None:  # noqa: A002
        """Changes columns; a change of nothing leaves no stamp."""
        row = self.tables[object][row_id]
        kept = {path: self.kept(object, path, value) for path, value in values.items()}
        if any(path not in row.values or row.values[path] != value for path, value in kept.items()):
            row.values |= kept
            self._touch(row, by_us=by_us)

    def delete(self, object: str, row_id: str, *, by_us: bool = False) -> None:  # noqa: A002
        """Puts a row into the bin."""
        row = self.tables[object][row_id]
        row.deleted = True
        self._touch(row, by_us=by_us)

    def undelete(self, object: str, row_id: str) -> None:  # noqa: A002
        """Takes a row out of the bin."""
        row = self.tables[object][row_id]
        row.deleted, row.merged_into = False, None
        self._touch(row, by_us=False)

    def merge(self, object: str, loser: str, winner: str) -> None:  # noqa: A002
        """One row becomes another; the winner keeps its values and fills its blanks."""
        lost, kept = self.tables[object][loser], self.tables[object][winner]
        lost.merged_into = winner
        self.delete(object, loser)
        blanks = {path: value for path, value in lost.values.items() if is_blank(kept.values.get(path))}
        self.edit(object, winner, blanks)

    def row(self, object: str, row_id: str) -> Row | None:  # noqa: A002
        """A live row, or None."""
        found = self.tables[object].get(row_id)
        return found if found is not None and not found.deleted else None

    def live(self, object: str) -> list[Row]:  # noqa: A002
        """Live rows in the order of their making."""
        return [row for row in self.tables[object].values() if not row.deleted]

    def holders(self, object: str, path: str, value: Native) -> list[Row]:  # noqa: A002
        """Live rows that hold a value, compared without case."""
        wanted = folded(value)
        return [row for row in self.live(object) if folded(row.values.get(path)) == wanted]

    def refusal(self, object: str, values: Mapping[str, Native], *, creating: bool) -> tuple[str, str] | None:  # noqa: A002
        """(code, path) of the first reason to refuse these values; None where there is none."""
        schema = self.schemas[object]
        for path, value in values.items():
            described = schema.fields.get(path)
            if described is None and not schema.open:
                return "UNKNOWN_FIELD", path
            if described is not None and isinstance(value, str):
                if described.length and len(value) > described.length and not self.traits.truncates:
                    return "STRING_TOO_LONG", path
                if described.restricted and value not in (described.values or ()):
                    return "INVALID_VALUE", path
        needed = [f.path for f in schema.fields.values() if f.required and (creating or f.path in values)]
        missing = next((path for path in needed if is_blank(values.get(path))), None)
        return ("REQUIRED_FIELD_MISSING", missing) if missing else None

    def later(self, act: Callable[[], object]) -> None:
        """Something lands only after `Traits.late_s`."""
        self._late.append((self.clock.now() + timedelta(seconds=self.traits.late_s), act))

    def catch_up(self) -> None:
        """Lets land what is due."""
        due = [(at, act) for at, act in self._late if at <= self.clock.now()]
        self._late = [(at, act) for at, act in self._late if at > self.clock.now()]
        for at, act in due:
            self._landing = at
            act()
        self._landing = None

    def _now(self) -> datetime:
        """The present, or the moment at which something lands that nobody has looked at since."""
        return self._landing or self.clock.now()

    def _touch(self, row: Row, *, by_us: bool) -> None:
        row.changed_at = self._now()
        row.shown_at = self._shown(row.changed_at)
        row.version += 1
        row.by_us = by_us

    def _shown(self, at: datetime) -> datetime:
        self._changes += 1
        return at + timedelta(seconds=self.traits.lag_s * (self._changes % 2))

    def kept(self, object: str, path: str, value: Native) -> Native:  # noqa: A002
        """What the server makes of a value."""
        described = self.schemas[object].fields.get(path)
        cuts = self.traits.truncates and described is not None and described.length
        return value[:cuts] if cuts and isinstance(value, str) else value


def folded(value: Native) -> Native:
    """A value as it is compared: text without case."""
    return value.strip().casefold() if isinstance(value, str) else value

"""A mapping file as it was written: shape checked, meaning not yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sync.mapping.lens import Options
from sync.mapping.lines import Path
from sync.mapping.report import Report
from sync.mapping.vendors import read_only, shown_only


@dataclass(slots=True)
class SystemDraft:
    """A `[systems.NAME]` table. `mode` is None where it is not given."""

    name: str
    kind: str
    objects: tuple[str, ...]
    mode: str | None
    create: bool
    when: str | None
    where: str | None
    deleted: str
    external_id: str | None
    params: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where it stands."""
        return ("systems", self.name)


@dataclass(slots=True)
class CellDraft:
    """A column of a field. `mode` is None where it is not given; `expr` is its expression."""

    field: str
    system: str
    path: str
    mode: str | None
    options: Options
    expr: str | None
    table: Mapping[str, Any]

    @property
    def place(self) -> Path:
        """Where it stands."""
        return ("fields", self.field, self.system)


@dataclass(slots=True)
class FieldDraft:
    """A `[fields.NAME]` table."""

    name: str
    type: str
    table: Mapping[str, Any]
    conflict: str | None = None
    prefer: tuple[str, ...] | None = None
    owner: str | None = None
    blank: str = "clear"
    required: bool = False
    default: Any = None
    sensitive: bool = False
    max_length: int | None = None
    truncate: bool = False
    compute: str | None = None
    values: tuple[str, ...] | None = None
    entity: str | None = None
    resubscribe_from: tuple[str, ...] = ()
    cells: dict[str, CellDraft] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it stands."""
        return ("fields", self.name)

    def options(self) -> Options:
        """What the field says to all its cells."""
        base = Options(type=self.type, vocabulary=self.values, entity=self.entity)
        return replace(base, max_length=self.max_length, truncate=self.truncate)


@dataclass(slots=True)
class Draft:
    """A mapping file."""

    file: str
    report: Report
    entity: str | None
    conflict: str = "prefer"
    prefer: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    systems: dict[str, SystemDraft] = field(default_factory=dict)
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    routes: list[Mapping[str, Any]] = field(default_factory=list)

    def mode_of(self, cell: CellDraft) -> str:
        """The direction of a cell, from its own words, its expression, its lens, its field and its system."""
        if cell.mode:
            return cell.mode
        if cell.expr or cell.options.of or self.fields[cell.field].compute:
            return "write"
        if cell.options.lens == "split" or shown_only(cell.options.kind, cell.path):
            return "read"
        return self.system_mode(self.systems[cell.system])

    def cells(self, system: str | None = None) -> Iterator[CellDraft]:
        """All columns, or those of one system."""
        for row in self.fields.values():
            for cell in row.cells.values():
                if system is None or cell.system == system:
                    yield cell

    def kind_of(self, name: str) -> str:
        """The kind of a system of this file; a name that it does not have is taken for a kind."""
        return self.systems[name].kind if name in self.systems else name

    @staticmethod
    def system_mode(system: SystemDraft) -> str:
        """The direction of a system: its own words, else read where its API only gives."""
        gives = system.objects and all(read_only(system.kind, name) for name in system.objects)
        return system.mode or ("read" if gives else "both")

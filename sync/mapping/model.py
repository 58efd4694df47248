"""The mapping as the other rooms use it: entities, their systems and fields, and the routes of the stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.errors import Problem
from sync.mapping.cell import Cell
from sync.mapping.expressions import Expression
from sync.mapping.keys import match_key
from sync.mapping.routes import Route
from sync.mapping.vendors import ROW_NAMES
from sync.model.values import Canonical


@dataclass(frozen=True, slots=True)
class SystemMapping:
    """How an entity lives in one configured system.

    ``objects``: native objects, the first that matches counts, records are created as the last. ``when``: create only
    if true. ``where``: native condition of every read. ``deleted``: what a deletion elsewhere does here.
    ``paths``: the native paths of all cells, those that are only written too. ``cells`` by field.
    """

    system: str
    kind: str
    objects: tuple[str, ...]
    mode: str
    create: bool
    when: Expression | None
    where: str | None
    deleted: str
    external_id: str | None
    params: Mapping[str, Any]
    paths: tuple[str, ...]
    cells: Mapping[str, Cell]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One row of a mapping.

    ``prefer`` is complete: every configured system of the entity, strongest first. ``owner`` may name a system that is
    not configured: then nobody's value counts. ``default`` is canonical. ``values``: the vocabulary of enum and multi.
    ``sensitive``: its values are not shown, since it says so or is made of a field that does.
    ``entity``: what a ref points to. ``cells`` by system.
    """

    name: str
    type: str
    conflict: str
    prefer: tuple[str, ...]
    owner: str | None
    blank: str
    required: bool
    default: Canonical
    sensitive: bool
    max_length: int | None
    truncate: bool
    compute: Expression | None
    values: tuple[str, ...] | None
    entity: str | None
    is_key: bool
    cells: Mapping[str, Cell]
    line: int | None = None

    @property
    def clearable(self) -> bool:
        """Whether emptiness may travel: never for match keys and required fields."""
        return not (self.is_key or self.required)


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """One mapping file.

    ``systems``: configured ones, in the order of the file; ``required``: fields without which nothing is created.
    ``looks_further``: a condition or an expression reads fields of a record that is referred to (`account.score`).
    ``watches``: refs, as (field, entity), whose target's fields are written or decide here: in these expressions, or as
    `of`. ``consent_field``: the field of type consent. ``address_field``: the one that holds the person's e-mail address: an
    e-mail match key, else the first e-mail field. ``hidden_ids``: systems where a row is named by the value of a sensitive field.
    """

    name: str
    file: str
    match_keys: tuple[str, ...]
    systems: Mapping[str, SystemMapping]
    fields: Mapping[str, FieldMapping]
    required: tuple[str, ...]
    looks_further: bool = field(init=False)
    watches: tuple[tuple[str, str], ...] = field(init=False)
    hidden_ids: frozenset[str] = field(init=False)
    consent_field: str | None = field(init=False)
    address_field: str | None = field(init=False)

    def __post_init__(self) -> None:
        """Answers once what is asked for every record."""
        consent = next((each.name for each in self.fields.values() if each.type == "consent"), None)
        object.__setattr__(self, "looks_further", any(self._is_looked_through(each) for each in self.fields.values()))
        object.__setattr__(self, "watches", tuple(self._watches()))
        object.__setattr__(
            self, "hidden_ids", frozenset(name for name in self.systems if self._is_named_by_secret(name))
        )
        object.__setattr__(self, "consent_field", consent)
        object.__setattr__(self, "address_field", self._address_field())

    def key_of(self, field: str, value: Canonical) -> str | None:
        """The form in which values of a match key are compared; None for a value that may match nothing.

        That is a blank, and for accounts a free-mail domain, a public suffix (`co.uk`) or a role address.
        """
        return match_key(self.name, self.fields[field].type, value)

    def _watches(self) -> Iterator[tuple[str, str]]:
        for each in self.fields.values():
            if each.entity and (self._is_looked_through(each) or any(cell.options.of for cell in each.cells.values())):
                yield each.name, each.entity

    def _is_named_by_secret(self, system: str) -> bool:
        mapping = self.systems[system]
        names = {ROW_NAMES.get(mapping.kind, {}).get(each) for each in mapping.objects}
        return any(cell.path in names and self.fields[name].sensitive for name, cell in mapping.cells.items())

    def _is_looked_through(self, ref: FieldMapping) -> bool:
        """Whether an expression reads fields of what this ref leads to."""
        texts = [each.compute.text for each in self.fields.values() if each.compute]
        texts += [each.when.text for each in self.systems.values() if each.when]
        cells = [cell for each in self.fields.values() for cell in each.cells.values()]
        texts += [cell.expression.text for cell in cells if cell.expression]
        return ref.type == "ref" and any(f"{ref.name}." in text for text in texts)

    def _address_field(self) -> str | None:
        found = [each for each in self.fields.values() if each.type == "email"]
        found.sort(key=lambda each: (not each.is_key, not each.required))
        return found[0].name if found else None


@dataclass(frozen=True, slots=True)
class Mappings:
    """All mapping files. ``entities``: parents before their children. ``notes`` refuse nothing and are worth a look."""

    entities: Mapping[str, EntityMapping]
    routes: tuple[Route, ...]
    files: tuple[str, ...]
    notes: tuple[Problem, ...] = field(default=())

    def has_children(self, entity: str) -> bool:
        """Whether records of some entity may refer to records of this one."""
        return any(each.entity == entity for child in self.entities.values() for each in child.fields.values())

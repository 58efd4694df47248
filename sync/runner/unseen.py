"""Columns that a mapping names and a system does not show our user: noted after each read, so that nothing is green over them.

A column that is missing is MISSING in every row: never a blank, and neither merged nor written. Without a note that is silence: a name
with a slip, or a permission that somebody took away, would stop a field for good while every run ends well.

Crash: a note is made anew by each run that reads the object, and says what that run saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import orjson

from sync.connectors.base import Adapting
from sync.mapping import EntityMapping, Mappings, SystemMapping
from sync.runner.context import Context
from sync.runner.fetching import Read
from sync.state import Store


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """A mapped column (`native`, of `object`) that `system` does not show. ``field`` is empty for the one that holds our id."""

    system: str
    entity: str
    field: str
    object: str
    native: str

    def to_json(self) -> dict[str, str]:
        """As published."""
        return asdict(self)


def note_unseen(context: Context, wanted: Iterable[Read]) -> None:
    """Notes, for each feed that was read, the columns that its system left out. Costs no call."""
    for read in wanted:
        connector = read.system.connector
        if isinstance(connector, Adapting) and context.alive(read.system.name):
            paths = sorted(connector.unseen(read.feed))
            key = _key(read.system.name, read.entity.name, read.feed.object)
            noted = orjson.dumps(paths).decode() if paths else ""
            if noted != (context.store.get_meta(key) or ""):
                context.store.set_meta(key, noted)


def unseen(store: Store, mappings: Mappings) -> list[Unseen]:
    """What is noted now, of the mappings in force that are read. Where a person may be a Lead or a Contact, one is enough."""
    return sorted(
        found
        for entity in mappings.entities.values()
        for mapping in entity.systems.values()
        if mapping.mode != "write"
        for found in _of(store, entity, mapping)
    )


def lacking(store: Store, entity: EntityMapping) -> dict[tuple[str, str], frozenset[str]]:
    """(System, object) -> columns that this object does not show and another object of the entity in that system does."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for mapping in entity.systems.values():
        gone = _noted(store, entity, mapping)
        everywhere = frozenset.intersection(*gone.values())
        found |= {(mapping.system, name): each - everywhere for name, each in gone.items() if each - everywhere}
    return found


def _of(store: Store, entity: EntityMapping, mapping: SystemMapping) -> Iterator[Unseen]:
    gone = frozenset.intersection(*_noted(store, entity, mapping).values())
    name = mapping.objects[0]
    for cell in mapping.cells.values():
        if cell.path in gone:
            yield Unseen(mapping.system, entity.name, cell.field, name, cell.path)
    if mapping.external_id in gone:
        yield Unseen(mapping.system, entity.name, "", name, str(mapping.external_id))


def _noted(store: Store, entity: EntityMapping, mapping: SystemMapping) -> dict[str, frozenset[str]]:
    notes = {name: store.get_meta(_key(mapping.system, entity.name, name)) for name in mapping.objects}
    return {name: frozenset(orjson.loads(note)) if note else frozenset() for name, note in notes.items()}


def _key(system: str, entity: str, name: str) -> str:
    return f"unseen:{system}:{entity}:{name}"

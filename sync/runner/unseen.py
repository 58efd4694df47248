"""Columns that a mapping names and a system does not show our user: noted after each read, so that nothing is green over them.

A column that is missing is MISSING in every row: never a blank, and neither merged nor written. Without a note that is silence: a name
with a slip, or a permission that somebody took away, would stop a field for good while every run ends well.

Crash: a note is made anew by each run that reads the object, and says what that run saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

import orjson

from sync.connectors.base import Adapting
from sync.errors import AbortError
from sync.mapping import EntityMapping, Mappings, SystemMapping
from sync.mapping.report import nearest
from sync.runner.context import Context
from sync.runner.fetching import Read
from sync.state import Store


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """A mapped column (`native`, of `object`) that `system` does not show. ``field`` is empty for the one that holds our id.

    ``where`` is the file and line that name it, ``nearest`` the column that is there and most like it, if one is.
    """

    system: str
    entity: str
    field: str
    object: str
    native: str
    where: str = ""
    nearest: str = ""

    def to_json(self) -> dict[str, str]:
        """As published."""
        return asdict(self)


def note_unseen(context: Context, wanted: Iterable[Read]) -> None:
    """Notes, for each feed that was read, the columns that its system left out. Costs no call, but where these are others than before."""
    for read in wanted:
        connector = read.system.connector
        if isinstance(connector, Adapting) and context.alive(read.system.name):
            paths = sorted(connector.unseen(read.feed))
            key = _key(read.system.name, read.entity.name, read.feed.object)
            if paths != sorted(_noted(context.store, key)):
                context.store.set_meta(key, orjson.dumps(_nearest(read, paths)).decode() if paths else "")


def _nearest(read: Read, paths: Iterable[str]) -> dict[str, str]:
    """Each path with the one that is there and most like it; with nothing where none is, or the system does not say."""
    try:
        schema = read.system.connector.describe(read.feed.object)
    except AbortError:
        schema = None
    return {path: nearest(path, schema.fields if schema else ()) or "" for path in paths}


def _noted(store: Store, key: str) -> dict[str, str]:
    """Path -> the nearest that is there. Earlier versions noted the paths alone."""
    found = orjson.loads(store.get_meta(key) or "{}")
    return dict(found) if isinstance(found, dict) else dict.fromkeys(found, "")


def unseen(store: Store, mappings: Mappings) -> list[Unseen]:
    """What is noted now, of the mappings in force that are read. Where a person may be a Lead or a Contact, one is enough."""
    return sorted(
        found
        for entity in mappings.entities.values()
        for mapping in entity.systems.values()
        if mapping.mode != "write"
        for found in _of(store, entity, mapping)
    )


def left_out(store: Store, entity: EntityMapping) -> dict[str, frozenset[str]]:
    """System -> the fields that a create there goes without, because it does not show them; never what is needed, nor an opt-out."""
    needed = {name for name, field in entity.fields.items() if field.required or field.is_key}
    read = [mapping for mapping in entity.systems.values() if mapping.mode != "write"]
    found = {mapping.system: {each.field for each in _of(store, entity, mapping)} for mapping in read}
    return {system: frozenset(fields - needed - {"", entity.consent_field}) for system, fields in found.items()}


def lacking(store: Store, entity: EntityMapping) -> dict[tuple[str, str], frozenset[str]]:
    """(System, object) -> columns that this object does not show and another object of the entity in that system does."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for mapping in entity.systems.values():
        gone = _gone(store, entity, mapping)
        everywhere = _everywhere(gone)
        more = {name: frozenset(paths) - everywhere for name, paths in gone.items()}
        found |= {(mapping.system, name): paths for name, paths in more.items() if paths}
    return found


def _of(store: Store, entity: EntityMapping, mapping: SystemMapping) -> Iterator[Unseen]:
    noted = _gone(store, entity, mapping)
    gone = _everywhere(noted)
    found = [(cell.field, cell.path, cell.line) for cell in mapping.cells.values() if cell.path in gone]
    if mapping.external_id in gone:
        found.append(("", str(mapping.external_id), mapping.line))
    for field, path, line in found:
        where = entity.file if line is None else f"{entity.file}:{line}"
        first = mapping.objects[0]
        yield Unseen(mapping.system, entity.name, field, first, path, where, noted[first][path])


def _gone(store: Store, entity: EntityMapping, mapping: SystemMapping) -> dict[str, dict[str, str]]:
    """Object -> path that it does not show -> the nearest that is there."""
    return {name: _noted(store, _key(mapping.system, entity.name, name)) for name in mapping.objects}


def _everywhere(gone: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    return frozenset.intersection(*map(frozenset, gone.values()))


def _key(system: str, entity: str, name: str) -> str:
    return f"unseen:{system}:{entity}:{name}"

"""References between records, resolved in sets: remote ids to records and back, for a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.mapping import EntityMapping
from sync.model.record import Record
from sync.model.values import Canonical
from sync.state import Store


class StoreRefs:
    """Answers the lenses' questions from the state; `prefetch` makes that one query a batch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records: dict[tuple[str, str, str], str | None] = {}
        self._remotes: dict[tuple[str, str], str | None] = {}
        self._values: dict[str, Mapping[str, Canonical]] = {}

    def prefetch(self, records: Iterable[Record], mapping: EntityMapping) -> None:
        """Resolves everything that these records refer to; forgets what was known before."""
        self._records, self._remotes, self._values = {}, {}, {}
        refs = [mapped for mapped in mapping.fields.values() if mapped.type == "ref" and mapped.entity]
        if not refs:
            return
        loaded = list(records)
        self._records = self._prefetch_records(loaded, refs)
        named = {record.cells[mapped.name].value for record in loaded for mapped in refs if mapped.name in record.cells}
        named |= set(self._records.values())
        systems = {system for mapped in refs for system in mapped.cells}
        pairs = [(system, str(record)) for record in named if record for system in systems]
        found = self._store.remote_ids(pairs)
        self._remotes = {pair: found.get(pair) for pair in pairs}

    def _prefetch_records(self, records: list[Record], refs: list) -> dict[tuple[str, str, str], str | None]:  # type: ignore[type-arg]
        wanted = {
            (link.system, mapped.entity, str(native))
            for record in records
            for link in record.links
            for mapped in refs
            if (cell := mapped.cells.get(link.system)) is not None
            and (native := link.observed.values.get(cell.path)) not in (None, "")
        }
        found = self._store.records_of(sorted(wanted))
        return {key: found.get(key) for key in wanted}

    def record_of(self, system: str, entity: str, remote_id: str) -> str | None:
        """The record behind a remote id."""
        key = (system, entity, remote_id)
        if key not in self._records:
            self._records[key] = self._store.records_of([key]).get(key)
        return self._records[key]

    def remote_of(self, system: str, entity: str, record_id: str) -> str | None:  # noqa: ARG002 - the lenses' protocol
        """A record's remote id in a system, where it is linked."""
        key = (system, record_id)
        if key not in self._remotes:
            self._remotes[key] = self._store.remote_ids([key]).get(key)
        return self._remotes[key]

    def buried(self, system: str, record_id: str) -> bool:
        """Whether a record's row in a system was deleted."""
        return self.remote_of(system, "", record_id) is None and self._store.is_buried(system, record_id)

    def value_of(self, entity: str, record_id: str, field: str) -> Canonical:  # noqa: ARG002 - the lenses' protocol
        """One canonical value of a record."""
        return self.fields_of(record_id).get(field)

    def related(self, record: Record, mapping: EntityMapping) -> Mapping[str, Mapping[str, Canonical]]:
        """The fields of the records that its refs lead to, by ref; none where no expression of the mapping asks for them."""
        if not mapping.looks_further:
            return {}
        refs = [name for name, mapped in mapping.fields.items() if mapped.type == "ref" and name in record.cells]
        named = {name: record.cells[name].value for name in refs}
        return {name: self.fields_of(parent) for name, parent in named.items() if isinstance(parent, str)}

    def fields_of(self, record_id: str) -> Mapping[str, Canonical]:
        """All canonical values of a record."""
        if record_id not in self._values:
            self._values[record_id] = self._store.values_of([record_id]).get(record_id, {})
        return self._values[record_id]

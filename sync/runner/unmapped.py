"""The words that a mapping does not know, for whoever lists the quarantine: to add a word one must see it.

They are looked up where they are shown. What the quarantine stores, and with it every log and message, holds no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.mapping import Mappings
from sync.model.record import Quarantined, Record
from sync.model.values import MISSING
from sync.runner.veil import Veil
from sync.state import Store

BATCH = 1000
ERROR = "UNMAPPED_VALUE"


def with_words(
    store: Store, mappings: Mappings, rows: Sequence[Quarantined], shown: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rows as shown, those of unmapped words with ``held``: what the system holds now; a sensitive one is not shown."""
    veil = Veil(mappings, store.veiled)
    wanted = {row.id: row for row in rows if row.error == ERROR and row.field and not veil.hides(row.entity, row.field)}
    words = _words(store, mappings, list(wanted.values()))
    return [{**row, "held": words[row["id"]]} if row["id"] in words else dict(row) for row in shown]


def _words(store: Store, mappings: Mappings, rows: Sequence[Quarantined]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        records = {record.id: record for record in store.load_ids([str(row.record) for row in batch])}
        found |= {row.id: word for row in batch if (word := _word(mappings, records, row)) is not MISSING}
    return found


def _word(mappings: Mappings, records: Mapping[str, Record], row: Quarantined) -> Any:
    """What the row's system holds in the row's field, native; MISSING where nobody knows."""
    entity, record = mappings.entities.get(row.entity), records.get(str(row.record))
    if entity is None or record is None or row.field is None or row.field not in entity.fields:
        return MISSING
    cell = entity.fields[row.field].cells.get(row.system)
    links = (link for link in record.links if link.alive and link.system == row.system)
    return (
        next((link.observed.values.get(cell.path, MISSING) for link in links), MISSING) if cell is not None else MISSING
    )

"""What an undo would do, before it is done: from the state alone, without asking a system and without writing anything.

The undo itself looks at the systems first; what somebody changes between the two is then left alone and reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync.config import Config
from sync.errors import UsageError
from sync.mapping import EntityMapping, Mappings
from sync.model.record import LinkState, Record, Turn
from sync.model.values import MISSING
from sync.runner.narrow import narrowed
from sync.runner.person import untouchable
from sync.runner.refs import StoreRefs
from sync.runner.report import Keys
from sync.runner.wire import reading
from sync.state import Store, TurnRow

Row = dict[str, Any]
ROWS_MAX = 1000


def preview_undo(
    config: Config, mappings: Mappings, run: str, *, record: str | None = None, field: str | None = None
) -> Row:
    """`{"run", "changes": [row], "kept": [row]}`.

    A row: entity, record, key, field, `now` (what stands there), `back` (what would stand there), `systems` that would be
    written; a row that is kept has `why` instead. At most 1,000 of each. Raises UsageError for an unknown run or record.
    """
    with reading(config) as store:
        if store.run(run) is None:
            raise UsageError(f"there is no run {run}", remedy="`crm-sync runs` lists them.")
        chosen = narrowed(store, mappings, run, record=record, field=field)
        turns = [row for row in store.turns(run=run) if row.record in chosen]
        return {"run": run, "record": record, "field": field, **_rows(store, mappings, turns, field)}


def _rows(store: Store, mappings: Mappings, turns: Iterable[TurnRow], field: str | None) -> dict[str, list[Row]]:
    turns = list(turns)
    records = {found.id: found for found in store.load_ids([row.record for row in turns])}
    keys, refs = Keys(store, mappings), StoreRefs(store)
    keys.learn(records)
    changes: list[Row] = []
    kept: list[Row] = []
    for row in turns:
        record = records.get(row.record)
        for turn in row.turns:
            if field in (None, turn.field):
                told = _row(record, row.record, turn, keys, mappings, refs)
                (kept if "why" in told else changes).append(told)
    return {"changes": changes[:ROWS_MAX], "kept": kept[:ROWS_MAX]}


def _row(record: Record | None, name: str, turn: Turn, keys: Keys, mappings: Mappings, refs: StoreRefs) -> Row:
    shown = keys.shown(name, turn)
    told: Row = {"record": name, "key": keys.of(name), "field": turn.field, "now": shown.after, "back": shown.before}
    if record is None or record.entity not in mappings.entities:
        return {"entity": None, **told, "why": "the record is gone"}
    entity = mappings.entities[record.entity]
    why = untouchable(record, entity, turn)
    told = {"entity": entity.name, **told}
    return {**told, "why": why} if why else {**told, "systems": _written(record, entity, turn, refs)}


def _written(record: Record, entity: EntityMapping, turn: Turn, refs: StoreRefs) -> list[str]:
    """Systems that hold something else than what would stand there."""
    found = []
    for link in record.links:
        cell = entity.fields[turn.field].cells.get(link.system)
        if cell is None or not cell.writes or link.state is not LinkState.LINKED:
            continue
        if not cell.agrees(turn.before, link.observed.values.get(cell.path, MISSING), refs):
            found.append(link.system)
    return sorted(found)

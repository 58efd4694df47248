"""Ghosts: writes that were given up and land after all. Seen then, they are nobody's edit; the merge is told what they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sync.mapping import EntityMapping
from sync.model.record import Journalled
from sync.model.remote import Kind
from sync.model.values import Native
from sync.runner.context import Context


def ghosts(context: Context, entity: EntityMapping) -> dict[tuple[str, str, str], tuple[Native, ...]]:
    """What was sent in vain and may still land, for one horizon more than it was frozen: by system, remote id and field."""
    horizon = max((system.horizon for system in context.systems.values()), default=timedelta(0))
    rows = context.store.in_vain(entity.name, context.clock.now() - 2 * horizon)
    repeated = _repeated(context, rows)
    found: dict[tuple[str, str, str], tuple[Native, ...]] = {}
    for row in rows:
        operation = row.operation
        remote_id = operation.remote_id or repeated.get((operation.system, operation.record))
        if remote_id is None:
            continue
        for change in operation.changes:
            key = (operation.system, remote_id, change.field)
            found[key] = (*found.get(key, ()), change.after)
    return found


def _repeated(context: Context, rows: Sequence[Journalled]) -> dict[tuple[str, str], str]:
    """Where a create would land that was sent once more: upon the row that the second one has made."""
    creates = {
        (row.operation.system, row.operation.record)
        for row in rows
        if row.operation.kind is Kind.CREATE and row.error == "REPEATED"
    }
    return context.store.remote_ids(sorted(creates)) if creates else {}

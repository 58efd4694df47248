"""Ghosts: writes that were given up and land after all. Seen then, they are nobody's edit; the merge is told what they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sync.mapping import EntityMapping
from sync.model.record import Journalled
from sync.model.remote import Kind
from sync.model.values import Native
from sync.runner.context import Context


def ghosts(context: Context, entity: EntityMapping) -> dict[tuple[str, str, str], tuple[Native, ...]]:
    """What was sent in vain and may have landed since its system was last read: by system, remote id and field."""
    since = _since(context)
    vain = context.store.in_vain(entity.name, min(since.values(), default=context.clock.now()))
    rows = [row for row in vain if row.sent_at is None or row.sent_at >= since.get(row.operation.system, row.sent_at)]
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


def _since(context: Context) -> dict[str, datetime]:
    """From when on a write may land unseen, by system: one horizon longer than it is frozen, before we looked there last."""
    horizon = max((system.horizon for system in context.systems.values()), default=timedelta(0))
    now = context.clock.now()
    return {name: min(now, context.seen_before.get(name, now)) - 2 * horizon for name in context.systems}


def _repeated(context: Context, rows: Sequence[Journalled]) -> dict[tuple[str, str], str]:
    """Where a create would land that was sent once more: upon the row that the second one has made."""
    creates = {
        (row.operation.system, row.operation.record)
        for row in rows
        if row.operation.kind is Kind.CREATE and row.error == "REPEATED"
    }
    return context.store.remote_ids(sorted(creates)) if creates else {}

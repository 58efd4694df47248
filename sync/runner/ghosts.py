"""Ghosts: writes that were given up and land after all. Seen then, they are nobody's edit; the merge is told what they were."""

from __future__ import annotations

from datetime import timedelta

from sync.mapping import EntityMapping
from sync.model.values import Native
from sync.runner.context import Context


def ghosts(context: Context, entity: EntityMapping) -> dict[tuple[str, str, str], tuple[Native, ...]]:
    """What was sent in vain and may still land, for one horizon more than it was frozen: by system, remote id and field."""
    horizon = max((system.horizon for system in context.systems.values()), default=timedelta(0))
    found: dict[tuple[str, str, str], tuple[Native, ...]] = {}
    for row in context.store.in_vain(entity.name, context.clock.now() - 2 * horizon):
        remote_id = row.operation.remote_id
        for change in row.operation.changes if remote_id is not None else ():
            key = (row.operation.system, str(remote_id), change.field)
            found[key] = (*found.get(key, ()), change.after)
    return found

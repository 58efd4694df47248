"""Writes that were acknowledged and booked, and whose rows were not read back: the process died, or their system failed.

They are read back before anything else: what a system has made of a write (cut, rounded …) would count as a person's edit.

Crash: until its row was read back a write stays unread, and the next run begins here again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sync.errors import AbortError
from sync.mapping import EntityMapping, SystemMapping
from sync.model.record import Journalled
from sync.model.remote import Outcome, Receipt
from sync.runner.abilities import able
from sync.runner.context import Context, feed_of
from sync.runner.settle import settle


def read_unread(context: Context) -> None:
    """Reads them back, by system and object. A system that fails is taken out of the run."""
    rows = sorted(context.store.unread(), key=_place)
    for (system, entity, name), group in groupby(rows, key=_place):
        mapped = context.mappings.entities.get(entity)
        mapping = mapped.systems.get(system) if mapped is not None else None
        if mapped is None or mapping is None or name not in mapping.objects or not context.alive(system):
            continue
        try:
            _read(context, mapped, mapping, list(group))
        except AbortError as error:
            context.fail(system, error)


def _place(row: Journalled) -> tuple[str, str, str]:
    return row.operation.system, row.operation.entity, row.operation.object


def _read(context: Context, entity: EntityMapping, mapping: SystemMapping, rows: Sequence[Journalled]) -> None:
    name = rows[0].operation.object
    can = able(context, mapping.system, name)
    if can is None:
        return
    feed = feed_of(mapping, name)
    ids = list(dict.fromkeys(str(row.operation.remote_id) for row in rows))
    fresh = context.systems[mapping.system].connector.fetch(feed, ids)
    pairs = [(row, Receipt(row.number, Outcome.ACKED, remote_id=row.operation.remote_id)) for row in rows]
    held = {remote_id: record for remote_id, record in fresh.items() if record is not None}
    with context.store.transaction():
        settle(context, entity, mapping, feed, pairs, held, can.lengths)

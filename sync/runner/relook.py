"""Looking again at what cannot be listed: rows are fetched by id, those that were not seen for longest first.

A full run looks at all of them, and at what was deleted, which somebody may have made anew; a service at a rolling share. Crash: each
batch is stored whole or not at all, and a row that was looked at is no longer among the oldest; whoever goes on, goes on with the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync.errors import AbortError
from sync.model.remote import Capabilities, NativeRecord, Page
from sync.runner.abilities import able
from sync.runner.context import Context, feeds
from sync.runner.fetching import Read
from sync.runner.pull import feed_key, save_page

BATCH = 200
TWICE = 2


@dataclass(frozen=True, slots=True)
class Relooked:
    """Rows of one system that were asked for, and how many of them were gone."""

    system: str
    rows: int
    gone: int


def look_again(context: Context, run: str, share: float = 1.0) -> list[Relooked]:
    """Reads a share (0..1) of the linked rows of every object that cannot be listed; a system that fails is out of this run."""
    return [_look(context, run, read, can, share) for read, can in _unlistable(context)]


def _unlistable(context: Context) -> Iterator[tuple[Read, Capabilities]]:
    for entity in context.chosen():
        for mapping in entity.systems.values():
            if mapping.mode == "write" or not context.alive(mapping.system):
                continue
            for feed in feeds(mapping):
                can = able(context, mapping.system, feed.object)
                if can is not None and not can.listable:
                    system = context.systems[mapping.system]
                    yield Read(entity, mapping, system, feed, feed_key(feed), None, full=False, sweep=None), can


def _look(context: Context, run: str, read: Read, can: Capabilities, share: float) -> Relooked:
    name, rows, gone = read.system.name, 0, 0
    wanted = math.ceil(context.store.linked_rows(name, read.feed.object) * share)
    ids = context.store.longest_unseen(name, read.feed.object, wanted)
    if share >= 1.0:
        ids += context.store.buried_rows(name, read.feed.object)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        context.around.safe_point()
        if not context.alive(name):
            break
        try:
            found = read.system.connector.fetch(read.feed, batch)
        except AbortError as error:
            context.fail(name, error)
            break
        gone += _save(context, run, read, can, found)
        rows += len(batch)
    return Relooked(name, rows, gone)


def _save(context: Context, run: str, read: Read, can: Capabilities, found: Mapping[str, NativeRecord | None]) -> int:
    """Stores what was found; counts what was positively not there."""
    save_page(context, read, Page(tuple(record for record in found.values() if record is not None)), last=False)
    missing = [remote_id for remote_id, record in found.items() if record is None]
    observed = context.store.observed(read.system.name, read.feed.object, missing)
    numbers = [each.number for each in observed.values()]
    context.store.mark_absent(numbers, run=run, times=1 if can.tombstones else TWICE)
    return len(missing)

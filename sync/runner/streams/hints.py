"""Webhook events are hints: the rows that they are about are read again, and only what is read counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sync.errors import AbortError
from sync.mapping import EntityMapping
from sync.mapping.vendors import POLLED
from sync.runner.afresh import observe
from sync.runner.context import Context, feed_of
from sync.runner.streams.happening import read

PAGE: Final = 1000
Places = dict[tuple[str, str], dict[str, datetime]]
"""(system, collection) -> remote id -> when the newest event about it was received."""


def refetch(context: Context) -> None:
    """Reads each row that a waiting event is about, unless it was read since the event came.

    A system that does not answer is out of the run as in any pull; its next poll shows what changed.
    """
    for (system, name), told in _told(context).items():
        for entity in context.chosen():
            mapping = entity.systems.get(system)
            if mapping is not None and mapping.mode != "write" and name in mapping.objects and context.alive(system):
                _read_again(context, entity, system, name, _stale(context, system, name, told))


def _told(context: Context) -> Places:
    found: Places = {}
    after = 0
    while events := context.store.waiting(PAGE, after):
        after = events[-1].number
        for event in events:
            system = context.systems.get(event.system)
            if system is None or event.kind in POLLED.get(system.kind, ()):
                continue
            for name, remote_id in read(event).rows(system.kind).items():
                found.setdefault((event.system, name), {})[remote_id] = event.received_at
    return found


def _stale(context: Context, system: str, name: str, told: Mapping[str, datetime]) -> Sequence[str]:
    seen = context.store.observed(system, name, list(told))
    return [remote_id for remote_id, at in told.items() if remote_id not in seen or seen[remote_id].seen_at < at]


def _read_again(context: Context, entity: EntityMapping, system: str, name: str, ids: Sequence[str]) -> None:
    if not ids:
        return
    mapping = entity.systems[system]
    feed = feed_of(mapping, name)
    try:
        found = context.systems[system].connector.fetch(feed, ids)
    except AbortError as error:
        context.fail(system, error.message)
        return
    with context.store.transaction():
        observe(context, entity, mapping, feed, [row for row in found.values() if row is not None])

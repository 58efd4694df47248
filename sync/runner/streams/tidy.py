"""After delivery: events whose causes had their effect are done, and done events are forgotten once nobody can send them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sync.mapping.vendors import POLLED
from sync.runner.context import Context
from sync.runner.streams.planning import Taken
from sync.runner.streams.poll import floor_of

WINDOW: Final = timedelta(days=8)
"""The same webhook again within seven days is dropped; a day more for clocks."""
_ZONE: Final = timedelta(days=1)
BATCH: Final = 1000


def tidy(context: Context, taken: Taken) -> None:
    """Marks what is done, erases what is about forgotten persons, prunes what has served."""
    numbers = [number for number in taken.causes if number not in taken.erase]
    for start in range(0, len(numbers), BATCH):
        _mark(context, taken, numbers[start : start + BATCH])
    if taken.erase:
        context.store.erase_events(taken.erase)
    _prune(context)


def _mark(context: Context, taken: Taken, numbers: list[int]) -> None:
    known = context.store.of_causes([cause for number in numbers for cause in taken.causes[number]])
    done = [number for number in numbers if known.issuperset(taken.causes[number])]
    if done:
        context.store.handled(done)


def _prune(context: Context) -> None:
    now = context.clock.now()
    for name, stream in context.store.event_kinds():
        system = context.systems.get(name)
        polled = system is not None and stream in POLLED.get(system.kind, ())
        before = now - WINDOW
        context.store.prune_events(
            name, stream, min(before, floor_of(context, name, stream) - _ZONE) if polled else before
        )

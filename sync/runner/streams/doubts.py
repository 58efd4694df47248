"""Doubt about what an event caused: repeated where that is harmless, looked up where the system can be asked, else a person's.

Crash: each step changes the journal row and what follows from it in one transaction; begun again, it looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sync.errors import AbortError
from sync.model.record import Journalled, Status
from sync.model.remote import Feed, Kind, NativeRecord
from sync.model.values import Native, is_blank
from sync.runner.context import Context, System
from sync.runner.streams.aside import doubt, named
from sync.runner.streams.happening import split
from sync.runner.streams.targets import Refusal, bound, can_look_up, repeatable, route_of, write
from sync.state import Finished

CLOCKS: Final = timedelta(minutes=15)
"""How much sooner than we sent it a row may say it was made: room for clocks that disagree."""
TEXT_MAX: Final = 255
"""Longer texts cannot be searched by (apis/salesforce.md)."""


def look_up(context: Context) -> None:
    """Decides every doubt that can be decided now."""
    for row in context.store.in_doubt():
        system = context.systems.get(row.operation.system)
        if row.operation.kind is not Kind.ENGAGE or row.status is not Status.IN_DOUBT or row.error == "UNKNOWN":
            continue
        if system is None or not context.alive(system.name):
            continue
        try:
            _decide(context, system, row)
        except AbortError as error:
            context.fail(system.name, error.message)


def _decide(context: Context, system: System, row: Journalled) -> None:
    route = route_of(context, row.operation)
    if repeatable(system, row.operation, route):
        _again(context, row, "in doubt, and safe to repeat")
        return
    if not can_look_up(system):
        _unknown(context, row)
        return
    there = _found(context, system, row)
    with context.store.transaction():
        if there is None:
            _unknown(context, row)
        elif there:
            context.store.finish([Finished(row.number, Status.SETTLED, remote_id=there[0].id)])
            context.store.release([named(row.operation)])
        elif row.doubt_until is None or context.clock.now() >= row.doubt_until:
            _again(context, row, "looked up and not found")
        else:
            context.store.looked(row.number)


def _again(context: Context, row: Journalled, why: str) -> None:
    """It did not happen, or may happen twice: its event waits once more."""
    _, system, event = split(row.operation.cause or "//")
    with context.store.transaction():
        context.store.finish([Finished(row.number, Status.FAILED, error="LATER", message=f"{why}; sent once more")])
        context.store.reopen(system, event)


def _unknown(context: Context, row: Journalled) -> None:
    """Nobody can find out: it is reported and never repeated."""
    with context.store.transaction():
        message = f"nobody knows whether it arrived: {row.message or 'no answer'}"
        context.store.finish([Finished(row.number, Status.IN_DOUBT, error="UNKNOWN", message=message)])
        doubt(context, row, message)


def _found(context: Context, system: System, row: Journalled) -> Sequence[NativeRecord] | None:
    """Rows made since then that hold all that was sent and that no other event made; None where there is no asking."""
    ready = bound(context, row)
    if isinstance(ready, Refusal):
        return None
    sent = write(system, ready, route_of(context, row.operation)).values
    path = next((name for name, value in sent.items() if isinstance(value, str) and 0 < len(value) <= TEXT_MAX), None)
    if path is None or row.sent_at is None:
        return None
    since = row.sent_at - CLOCKS
    feed = Feed(row.operation.object, tuple(sent))
    rows = system.connector.lookup(feed, path, [sent[path]]).get(str(sent[path]), ())
    taken = context.store.made_by_events(system.name, row.operation.object, since)
    return [
        one
        for one in rows
        if one.id not in taken
        and one.by_us is not False
        and one.created_at is not None
        and one.created_at >= since
        and all(_same(value, one.values.get(name)) for name, value in sent.items())
    ]


def _same(sent: Native, held: Native) -> bool:
    """Whether a value is what the server keeps of the one that was sent: blanks around and ids of 15 characters differ."""
    if isinstance(sent, str) and isinstance(held, str):
        one, other = sent.strip().casefold(), held.strip().casefold()
        return one == other or (len(one) in (15, 18) and one[:15] == other[:15])
    return sent == held or (is_blank(sent) and is_blank(held))

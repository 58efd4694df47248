"""Delivery: what events cause is sent, each system in its own lane, after the records of the run.

What cannot be repeated goes alone, so that a crash leaves one event in doubt and not a group of them.

Crash: SENT before the first byte, outcome and question in one transaction; what was sent and not settled is in doubt after a restart.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final

from sync.errors import AbortError
from sync.model.record import Journalled, Status
from sync.model.remote import Kind, Outcome, Receipt, Write
from sync.runner.context import Context, System
from sync.runner.place import Call, Steps
from sync.runner.push import drive
from sync.runner.streams.aside import hold, named, refuse
from sync.runner.streams.happening import ENTITY
from sync.runner.streams.targets import MAILS, Refusal, bound, can_look_up, repeatable, route_of, write
from sync.runner.streams.who import is_out
from sync.state import Finished

PAGE: Final = 500
GROUP: Final = 50
"""How many of what can be repeated or looked up go at a time."""


def deliver(context: Context, run: str) -> None:
    """Sends the planned operations of the run that events caused."""
    lanes = {
        name: _lane(context, system, run)
        for name, system in context.systems.items()
        if context.alive(name)
        and context.store.operations(run, statuses=(Status.PLANNED,), entity=ENTITY, system=name, limit=1)
    }
    if lanes:
        drive(context, lanes)


def _lane(context: Context, system: System, run: str) -> Steps:
    after = 0
    while rows := context.store.operations(
        run, statuses=(Status.PLANNED,), entity=ENTITY, system=system.name, kind=Kind.ENGAGE, after=after, limit=PAGE
    ):
        after = rows[-1].number
        for group in _groups(context, system, rows):
            yield from _group(context, system, group)


def _groups(context: Context, system: System, rows: Sequence[Journalled]) -> list[list[Journalled]]:
    """Neighbours on one route that can be repeated or looked up together, everything else alone."""
    groups: list[list[Journalled]] = []
    for row in rows:
        route = route_of(context, row.operation)
        joins = can_look_up(system) or repeatable(system, row.operation, route)
        last = groups[-1] if groups else []
        fits = joins and bool(last) and len(last) < GROUP and route_of(context, last[0].operation) is route
        if fits:
            last.append(row)
        else:
            groups.append([row])
    return groups


def _group(context: Context, system: System, rows: Sequence[Journalled]) -> Generator[Call, Any, None]:
    store = context.store
    ready: list[Journalled] = []
    for row in rows:
        found = _ready(context, system, row)
        if isinstance(found, Refusal):
            _skip(context, row, found)
        else:
            ready.append(found)
    if not ready:
        return
    writes: list[Write] = [write(system, row, route_of(context, row.operation)) for row in ready]
    store.mark_sent([row.number for row in ready], at=context.clock.now())
    try:
        receipts: list[Receipt] = yield lambda: system.connector.push(writes)
    except AbortError:
        store.unsend([row.number for row in ready])
        raise
    by_number = {receipt.number: receipt for receipt in receipts}
    with store.transaction():
        for row in ready:
            _settle(context, system, row, by_number.get(row.number, Receipt(row.number, Outcome.DOUBT)))


def _ready(context: Context, system: System, row: Journalled) -> Journalled | Refusal:
    """The operation as it can be sent now; who opted out while the run was under way is not written to."""
    planned = row.operation
    if system.kind == "activecampaign" and planned.object in MAILS and is_out(context, planned.record, planned.address):
        return Refusal("OPTED_OUT", "the person has opted out of e-mail", held=False)
    return bound(context, row)


def _skip(context: Context, row: Journalled, why: Refusal) -> None:
    with context.store.transaction():
        context.store.finish([Finished(row.number, Status.SKIPPED, error=why.error, message=why.message)])
        if why.held:
            hold(context, row.operation, why)


def _settle(context: Context, system: System, row: Journalled, receipt: Receipt) -> None:
    """Books what became of one delivery, in the caller's transaction. A row that is there already is delivered."""
    store, outcome = context.store, receipt.outcome
    if outcome in (Outcome.ACKED, Outcome.MOVED):
        store.finish([Finished(row.number, Status.SETTLED, remote_id=receipt.remote_id)])
        store.release([named(row.operation)])
    elif outcome is Outcome.DOUBT:
        until = context.clock.now() + system.horizon
        message = receipt.message or "no answer"
        store.finish([Finished(row.number, Status.IN_DOUBT, error=receipt.error, message=message, doubt_until=until)])
    elif outcome is Outcome.THROTTLED:
        message = f"{receipt.error or 'busy'}: it did not happen and is sent again"
        store.finish([Finished(row.number, Status.FAILED, error="LATER", message=message)])
    elif receipt.error == "SUPPRESSED":
        store.finish([Finished(row.number, Status.SKIPPED, error="OPTED_OUT", message=receipt.message)])
    else:
        store.finish([Finished(row.number, Status.FAILED, error=receipt.error or "REJECTED", message=receipt.message)])
        refuse(context, row, receipt)

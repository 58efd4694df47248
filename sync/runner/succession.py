"""A new address that is a new row in a system where the address is the key: the record goes on with that row.

Crash: everything here is called inside the caller's transaction. A move whose answer was lost is sent again, and meets the row that it
has made: that row is taken over as if the first answer had arrived, but for what has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sync.mapping import SystemMapping
from sync.model.ids import quarantine_id
from sync.model.record import Exchange, Journalled, Link, LinkState, Operation
from sync.model.remote import OLD_ROW_LEFT, Feed, Receipt
from sync.runner.context import Context

EVER: Final = datetime(1970, 1, 2, tzinfo=UTC)


def succeed(
    context: Context, mapping: SystemMapping, feed: Feed, written: Sequence[tuple[Journalled, Receipt]]
) -> None:
    """A new address may be a new row: the record goes on with that one. What stands in the former row is known from now on."""
    store = context.store
    for row, receipt in written:
        former, name = former_id(row, receipt), str(receipt.remote_id)
        if former is None:
            continue
        seen = store.observed(mapping.system, feed.object, [former, name])
        gone, sent_at = receipt.error != OLD_ROW_LEFT, _first_sent_at(context, row.operation)
        alike = gone or receipt.created or sent_at is not None
        store.succeed(seen[former].number, seen[name].number, alike=alike, gone=gone)
        links = store.links_to(mapping.system, feed.object, [former, name])
        store.save_links(_known_whole(link, mapping) for link in links.values() if link.state is LinkState.FORMER)
        if sent_at is not None and name in links:
            store.save_links([_without(links[name], _turned_since(context, row.operation.record, sent_at))])
        store.release([quarantine_id("AMBIGUOUS_MATCH", mapping.system, feed.object, name)])


def _first_sent_at(context: Context, operation: Operation) -> datetime | None:
    """When the same move was sent whose answer was lost: the row that is there by now was made by that one."""
    place = (operation.record, operation.system, operation.remote_id)
    asked = {(change.field, str(change.after)) for change in operation.changes}
    for row in context.store.in_vain(operation.entity, EVER):
        given_up = row.operation
        if place == (given_up.record, given_up.system, given_up.remote_id) and asked & {
            (change.field, str(change.after)) for change in given_up.changes
        }:
            return row.sent_at
    return None


def _turned_since(context: Context, record: str, at: datetime) -> set[str]:
    """The fields whose value has changed since."""
    return {turn.field for row in context.store.turns(record=record) if row.at >= at for turn in row.turns}


def _without(link: Link, fields: set[str]) -> Link:
    """At first contact again in these fields: what was made of them there is not known."""
    return replace(link, exchange={name: x for name, x in link.exchange.items() if name not in fields})


def _known_whole(link: Link, mapping: SystemMapping) -> Link:
    held = {cell.field: link.observed.values.get(cell.path) for cell in mapping.cells.values()}
    return replace(link, exchange={**{name: Exchange(now, now, 0) for name, now in held.items()}, **link.exchange})


def former_id(row: Journalled, receipt: Receipt) -> str | None:
    """The id of the row that a written one has taken the place of."""
    before = row.operation.remote_id
    return before if before is not None and receipt.remote_id not in (None, before) else None

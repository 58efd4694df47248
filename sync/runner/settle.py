"""Settle: read back what the answers did not carry; a difference is a person's edit unless it can be shown to be the server's doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sync.mapping import EntityMapping, SystemMapping
from sync.model.record import Change, Exchange, Journalled, Record
from sync.model.remote import Feed, Kind, NativeRecord, Receipt
from sync.model.values import MISSING, is_blank
from sync.runner.book import is_link_to
from sync.runner.context import Context
from sync.runner.place import Place, Steps, Work
from sync.runner.pull import feed_key, keys_of
from sync.state import RecordSaved, Seen


def read_back(work: Work, place: Place, acked: list[tuple[Journalled, Receipt]]) -> Steps:
    """Reads what the answers did not carry; a difference is a person's edit unless it can be shown to be the server's own doing."""
    written = [(row, receipt) for row, receipt in acked if row.operation.kind is not Kind.DELETE]
    known = {
        str(receipt.remote_id or row.operation.remote_id): _answered(place, row, receipt) for row, receipt in written
    }
    ids = [remote_id for remote_id, record in known.items() if record is None]
    if ids:
        fresh: Mapping[str, NativeRecord | None] = yield lambda: place.system.connector.fetch(place.feed, ids)
        known.update(fresh)
    with work.context.store.transaction():
        settle(
            work.context,
            place.entity,
            place.mapping,
            place.feed,
            written,
            {k: v for k, v in known.items() if v is not None},
        )


def _answered(place: Place, row: Journalled, receipt: Receipt) -> NativeRecord | None:
    if receipt.values is None:
        return None
    remote_id = str(receipt.remote_id or row.operation.remote_id)
    return NativeRecord(place.feed.object, remote_id, receipt.values, receipt.version, receipt.changed_at, by_us=True)


def settle(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    written: Sequence[tuple[Journalled, Receipt]],
    held: Mapping[str, NativeRecord],
) -> None:
    """Brings `seen` up to what the system then held, where that is our write after the server's normalisation."""
    store = context.store
    records = {record.id: record for record in store.load_ids(sorted({row.operation.record for row, _ in written}))}
    news: list[Seen] = []
    quiet: list[Seen] = []
    for row, receipt in written:
        fresh = held.get(str(receipt.remote_id or row.operation.remote_id))
        record = records.get(row.operation.record)
        if fresh is None or record is None:
            continue
        records[record.id], strange = _settled(record, mapping, fresh, row.operation.changes)
        (news if strange else quiet).append(Seen(fresh, tuple(keys_of(entity, mapping, fresh))))
    for rows, is_news in ((quiet, False), (news, True)):
        store.save_page(
            entity.name,
            mapping.system,
            feed.object,
            feed_key(feed),
            rows,
            cursor=None,
            seen_at=context.clock.now(),
            sweep=None,
            news=is_news,
        )
    store.save([RecordSaved(record, pending=None) for record in records.values()], run=None)


def _settled(
    record: Record, mapping: SystemMapping, fresh: NativeRecord, changes: Sequence[Change]
) -> tuple[Record, bool]:
    """The record with `seen` as the system holds it, and whether something there is not explained by our write."""
    strange = False
    for link in record.links:
        if not is_link_to(link, mapping.system, fresh.id):
            continue
        exchange = dict(link.exchange)
        for change in changes:
            cell = mapping.cells[change.field]
            now = fresh.values.get(change.native, MISSING)
            if now is MISSING or cell.eq(now, change.after):
                continue
            if fresh.by_us or cell.variant(change.after, now):
                exchange[change.field] = Exchange(change.after, now, change.version)
        strange = any(_unexplained(mapping, fresh, name, x) for name, x in exchange.items() if name in mapping.cells)
        record = replace(
            record, links=tuple(replace(x, exchange=exchange) if x.number == link.number else x for x in record.links)
        )
    return record, strange


def _unexplained(mapping: SystemMapping, fresh: NativeRecord, name: str, exchange: Exchange) -> bool:
    cell = mapping.cells[name]
    now = fresh.values.get(cell.path, MISSING)
    return (
        now is not MISSING
        and cell.reads
        and not cell.eq(now, exchange.seen)
        and not (is_blank(now) and is_blank(exchange.seen))
    )

"""Book what a write came to: exchange, image, link and journal row of one that happened, the memory of one that was refused.

Crash: everything here is called inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sync.engine.plan import create_hash, payload_hash
from sync.mapping import EntityMapping, SystemMapping
from sync.model.record import Change, Exchange, Journalled, Link, LinkState, Quarantined, Record, Status
from sync.model.remote import Feed, Kind, NativeRecord, Receipt
from sync.runner.context import Context
from sync.runner.identify import quarantine_id
from sync.runner.pull import feed_key, keys_of
from sync.state import Finished, RecordSaved, Seen


def book(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    acked: Sequence[tuple[Journalled, Receipt]],
) -> None:
    """Exchange, image, link and journal row of writes that happened; in the caller's transaction."""
    if not acked:
        return
    deleted = [row for row, _ in acked if row.operation.kind is Kind.DELETE]
    written = [(row, receipt) for row, receipt in acked if row.operation.kind is not Kind.DELETE]
    context.store.bury_rows([(feed.object, mapping.system, str(row.operation.remote_id)) for row in deleted])
    _book_written(context, entity, mapping, feed, written)
    context.store.finish(
        [
            Finished(row.number, Status.SETTLED, remote_id=receipt.remote_id or row.operation.remote_id)
            for row, receipt in acked
        ]
    )


def _book_written(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    written: Sequence[tuple[Journalled, Receipt]],
) -> None:
    store = context.store
    images = [_image(context, mapping, feed, row, receipt) for row, receipt in written]
    rows = [Seen(image, tuple(keys_of(entity, mapping, image))) for image in images]
    store.save_page(
        entity.name,
        mapping.system,
        feed.object,
        feed_key(feed),
        rows,
        cursor=None,
        seen_at=context.clock.now(),
        sweep=None,
        news=False,
    )
    created = [
        (row, image) for (row, _), image in zip(written, images, strict=True) if row.operation.kind is Kind.CREATE
    ]
    _link_created(context, mapping.system, feed, created)
    records = {record.id: record for record in store.load_ids(sorted({row.operation.record for row, _ in written}))}
    for (row, _), image in zip(written, images, strict=True):
        record = records.get(row.operation.record)
        if record is not None:
            records[record.id] = _exchanged(record, mapping, image.id, row.operation.changes)
    store.save([RecordSaved(record, pending=None) for record in records.values()], run=None)
    _release(context, mapping.system, records)


def _release(context: Context, system: str, records: Mapping[str, Record]) -> None:
    """What was written after all is not set aside any longer; what else was refused of the same record is."""
    done = [
        q.id
        for q in context.store.quarantined()
        if q.system == system
        and q.record is not None
        and q.record in records
        and q.error != "DUPLICATE"
        and not (q.id == refusal_id(q.record, system) and _is_refused(records[q.record], system))
    ]
    context.store.release(done)


def refusal_id(record: str, system: str) -> str:
    """Names the row of the quarantine that says what a system refused of a record."""
    return quarantine_id("REJECTED", record, system)


def _is_refused(record: Record, system: str) -> bool:
    return any(x.rejected for link in record.links if link.system == system for x in link.exchange.values())


def _link_created(
    context: Context, system: str, feed: Feed, created: Sequence[tuple[Journalled, NativeRecord]]
) -> None:
    observed = context.store.observed(system, feed.object, [image.id for _, image in created])
    for row, image in created:
        context.store.add_link(row.operation.record, observed[image.id].number, by_us=True)


def _image(context: Context, mapping: SystemMapping, feed: Feed, row: Journalled, receipt: Receipt) -> NativeRecord:
    """The row as it now stands: as the answer says, else what was known with what was written."""
    remote_id = receipt.remote_id or str(row.operation.remote_id)
    values = {change.native: change.after for change in row.operation.changes}
    before = context.store.observed(mapping.system, feed.object, [remote_id]).get(remote_id)
    known = dict(before.values) if before is not None else dict.fromkeys(feed.paths)
    if mapping.external_id and row.operation.kind is Kind.CREATE:
        known[mapping.external_id] = row.operation.record
    return NativeRecord(feed.object, remote_id, {**known, **values}, receipt.version, receipt.changed_at)


def _exchanged(record: Record, mapping: SystemMapping, remote_id: str, changes: Sequence[Change]) -> Record:
    written = {c.field: Exchange(c.after, c.after, c.version) for c in changes}
    links = tuple(
        replace(link, exchange={**link.exchange, **written}) if is_link_to(link, mapping.system, remote_id) else link
        for link in record.links
    )
    return replace(record, links=links)


def is_link_to(link: Link, system: str, remote_id: str) -> bool:
    """Whether a live link leads to this row."""
    return link.system == system and link.observed.remote_id == remote_id and link.state is LinkState.LINKED


def reject(context: Context, entity: EntityMapping, system: str, row: Journalled, receipt: Receipt) -> None:
    """Remembers a refusal by the hash of what was refused, and sets the record aside with reason and remedy."""
    operation = row.operation
    blamed = [change for change in operation.changes if change.native in receipt.fields] or list(operation.changes)
    if operation.kind is Kind.CREATE:
        context.store.refuse_create(operation.record, system, create_hash(operation.changes))
    else:
        _refuse_fields(context, operation.record, system, blamed)
    field_name = blamed[0].field if len(blamed) == 1 else None
    context.store.quarantine(
        Quarantined(
            id=refusal_id(operation.record, system),
            entity=entity.name,
            system=system,
            record=operation.record,
            object=operation.object,
            remote_id=operation.remote_id,
            error=receipt.error or "REJECTED",
            message=receipt.message or f"{system} refused the {operation.kind.value}",
            remedy=receipt.remedy or "Correct the value, or the mapping; then run `crm-sync quarantine retry`.",
            field=field_name,
        )
    )


def _refuse_fields(context: Context, record_id: str, system: str, blamed: Sequence[Change]) -> None:
    hashes = {change.field: payload_hash(change.after) for change in blamed}
    for record in context.store.load_ids([record_id]):
        links = tuple(_with_refusal(link, hashes) if link.system == system else link for link in record.links)
        context.store.save([RecordSaved(replace(record, links=links), pending=None)], run=None)


def _with_refusal(link: Link, hashes: Mapping[str, str]) -> Link:
    known = {name: link.exchange.get(name, Exchange(None, link.observed.values.get(name), 0)) for name in hashes}
    return replace(
        link, exchange={**link.exchange, **{name: replace(x, rejected=hashes[name]) for name, x in known.items()}}
    )

"""Book what a write came to: exchange, image, link and journal row of one that happened, the memory of one that was refused.

Crash: everything here is called inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sync.engine.refusals import create_hash, payload_hash
from sync.mapping import EntityMapping, SystemMapping
from sync.model.ids import quarantine_id
from sync.model.record import Change, Exchange, Journalled, Link, Quarantined, Status
from sync.model.remote import Feed, Kind, NativeRecord, Receipt
from sync.model.values import Native
from sync.runner.context import Context
from sync.runner.pull import as_seen, feed_key
from sync.runner.succession import former_id, succeed
from sync.state import UNREAD, Finished, RecordSaved


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
    context.store.finish([_outcome(row, receipt) for row, receipt in acked])


def _outcome(row: Journalled, receipt: Receipt) -> Finished:
    """Settled, or still to be read back: until then a value that the system has cut would be taken for a person's edit."""
    remote_id = receipt.remote_id or row.operation.remote_id
    if receipt.values is None and row.operation.kind is not Kind.DELETE:
        return Finished(row.number, Status.SENT, error=UNREAD, remote_id=remote_id)
    return Finished(row.number, Status.SETTLED, remote_id=remote_id)


def _book_written(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    written: Sequence[tuple[Journalled, Receipt]],
) -> None:
    store = context.store
    images = _images(context, mapping, feed, written)
    rows = [as_seen(entity, mapping, image) for image in images]
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
    pairs = [(row, image) for (row, _), image in zip(written, images, strict=True)]
    _link_created(context, mapping.system, feed, pairs)
    succeed(context, mapping, feed, written)
    links = store.links_to(mapping.system, feed.object, [image.id for image in images])
    for row, image in pairs:
        if image.id in links:
            links[image.id] = _exchanged(links[image.id], row.operation.changes)
    store.save_links(links.values())
    _release(context, mapping.system, [(row, links.get(image.id)) for row, image in pairs])


def _release(context: Context, system: str, written: Iterable[tuple[Journalled, Link | None]]) -> None:
    """What was refused or in doubt and is written after all is not set aside any longer."""
    done = []
    for row, link in written:
        record = row.operation.record
        done.append(quarantine_id("IN_DOUBT", record, system))
        if link is None or all(exchange.rejected is None for exchange in link.exchange.values()):
            done.append(refusal_id(record, system))
    context.store.release(done)


def refusal_id(record: str, system: str) -> str:
    """Names the row of the quarantine that says what a system refused of a record."""
    return quarantine_id("REJECTED", record, system)


def _link_created(
    context: Context, system: str, feed: Feed, written: Sequence[tuple[Journalled, NativeRecord]]
) -> None:
    made = {image.id: row.operation.record for row, image in written if row.operation.kind is Kind.CREATE}
    observed = context.store.observed(system, feed.object, list(made))
    context.store.add_links([(record, observed[name].number) for name, record in made.items()], by_us=True)


def _images(
    context: Context, mapping: SystemMapping, feed: Feed, written: Sequence[tuple[Journalled, Receipt]]
) -> list[NativeRecord]:
    """The rows as they should now stand: what was known, with what was written; the answers are read by `settle`."""
    ids = [receipt.remote_id or str(row.operation.remote_id) for row, receipt in written]
    formers = [former_id(row, receipt) for row, receipt in written]
    before = context.store.observed(mapping.system, feed.object, [*ids, *filter(None, formers)])
    found: dict[str, dict[str, Native]] = {}
    images = []
    for (row, receipt), name, former in zip(written, ids, formers, strict=True):
        stood = before.get(name) or before.get(former or "")
        known = found.get(name) or (dict(stood.values) if stood is not None else dict.fromkeys(feed.paths))
        if mapping.external_id and row.operation.kind is Kind.CREATE:
            known[mapping.external_id] = row.operation.record
        found[name] = known | {change.native: change.after for change in row.operation.changes}
        images.append(NativeRecord(feed.object, name, found[name], receipt.version, receipt.changed_at))
    return images


def _exchanged(link: Link, changes: Sequence[Change]) -> Link:
    written = {c.field: Exchange(c.after, c.after, c.version) for c in changes}
    return replace(link, exchange={**link.exchange, **written})


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

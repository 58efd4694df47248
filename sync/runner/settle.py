"""Settle: read back what the answers did not carry; a difference is a person's edit unless it can be shown to be the server's doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sync.engine.refusals import payload_hash
from sync.mapping import NO_REFS, Cell, EntityMapping, SystemMapping
from sync.model.record import Change, Exchange, Journalled, Link, Quarantined, Status
from sync.model.remote import Feed, Kind, NativeRecord, Outcome, Receipt
from sync.model.values import HELD, MISSING, Absence, Native, is_blank
from sync.runner.book import refusal_id
from sync.runner.context import Context
from sync.runner.place import Place, Steps, Work
from sync.runner.pull import as_seen, feed_key
from sync.state import Finished


def read_back(work: Work, place: Place, acked: list[tuple[Journalled, Receipt]]) -> Steps:
    """Reads what the answers did not carry; a difference is a person's edit unless it can be shown to be the server's own doing."""
    written = [(row, receipt) for row, receipt in acked if row.operation.kind is not Kind.DELETE]
    known = {
        str(receipt.remote_id or row.operation.remote_id): answered(place, row, receipt) for row, receipt in written
    }
    ids = [remote_id for remote_id, record in known.items() if record is None]
    if ids:
        fresh: Mapping[str, NativeRecord | None] = yield lambda: place.system.connector.fetch(place.feed, ids)
        known.update(fresh)
    with work.context.store.transaction():
        work.pushed.moved += settle(
            work.context,
            place.entity,
            place.mapping,
            place.feed,
            written,
            {k: v for k, v in known.items() if v is not None},
            place.able.lengths,
        )


def answered(place: Place, row: Journalled, receipt: Receipt) -> NativeRecord | None:
    """The row that an answer carries; columns that are not mapped never enter the state."""
    if receipt.values is None:
        return None
    remote_id = str(receipt.remote_id or row.operation.remote_id)
    ours = True if receipt.outcome is Outcome.ACKED else None
    mapped = {path: receipt.values[path] for path in place.feed.paths if path in receipt.values}
    return NativeRecord(place.feed.object, remote_id, mapped, receipt.version, receipt.changed_at, by_us=ours)


def settle(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    written: Sequence[tuple[Journalled, Receipt]],
    held: Mapping[str, NativeRecord],
    lengths: Mapping[str, int],
) -> int:
    """Brings `seen` up to what the system then held, where that is our write after the server's normalisation.

    `lengths`: how much the system's columns hold, by native path.
    Returns how many rows hold something else than what we wrote: news, for the merge to look at.
    """
    known = context.store.observed(mapping.system, feed.object, list(held))
    other = [name for name, row in known.items() if held[name].values != row.values]
    links = context.store.links_to(mapping.system, feed.object, other)
    strange = set()
    for row, receipt in written:
        name = str(receipt.remote_id or row.operation.remote_id)
        if name in links:
            ours = _Ours(mapping, held[name], lengths, proven=_is_receipts(receipt, held[name]))
            links[name] = _settled(links[name], ours, row.operation.changes, entity.consent_field)
            _report_ineffective(context, entity, ours, row)
    for name, link in links.items():
        if any(_unexplained(held[name], link, cell) for cell in mapping.cells.values()):
            strange.add(name)
    strange |= {name for name in other if _shows_more(mapping, known[name].values, held[name].values)}
    context.store.save_links(links.values())
    context.store.finish([_settled_row(*pair) for pair in written if pair[1].values is None])
    _store(context, entity, mapping, feed, [record for name, record in held.items() if name not in strange], news=False)
    return _store(context, entity, mapping, feed, [held[name] for name in sorted(strange)], news=True)


def _settled_row(row: Journalled, receipt: Receipt) -> Finished:
    return Finished(row.number, Status.SETTLED, remote_id=receipt.remote_id or row.operation.remote_id)


def _store(
    context: Context,
    entity: EntityMapping,
    mapping: SystemMapping,
    feed: Feed,
    records: Sequence[NativeRecord],
    *,
    news: bool,
) -> int:
    return context.store.save_page(
        entity.name,
        mapping.system,
        feed.object,
        feed_key(feed),
        [as_seen(entity, mapping, record) for record in records],
        cursor=None,
        seen_at=context.clock.now(),
        sweep=None,
        news=news,
    )


def _is_receipts(receipt: Receipt, fresh: NativeRecord) -> bool:
    """Whether the row is still the version that our write made: nobody has been there since."""
    return receipt.version is not None and receipt.version == fresh.version


@dataclass(frozen=True, slots=True)
class _Ours:
    """A row that we have written, as it is read back, and what is known of the system that keeps it."""

    mapping: SystemMapping
    fresh: NativeRecord
    lengths: Mapping[str, int]
    proven: bool

    def held(self, change: Change) -> Native | Absence:
        return self.fresh.values.get(change.native, MISSING)

    def is_as_sent(self, change: Change) -> bool:
        return self.mapping.cells[change.field].eq(self.held(change), change.after)

    def is_kept(self, change: Change) -> bool:
        """Whether what is held can be shown to be what the system made of the write."""
        limit, cell = self.lengths.get(change.native), self.mapping.cells[change.field]
        return cell.variant(change.after, self.held(change), limit, proven=self.proven)

    def is_ineffective(self, change: Change) -> bool:
        """Whether a write that was acknowledged has left the old value in place: a server that ignores the column, not somebody's edit."""
        cell, now = self.mapping.cells[change.field], self.held(change)
        was_there = change.before is not None and cell.eq(now, change.before)
        return was_there and not cell.variant(change.after, now, self.lengths.get(change.native))


def _settled(link: Link, ours: _Ours, changes: Sequence[Change], consent: str | None) -> Link:
    """The link with `seen` as the system holds it.

    A word of consent that is not there is told again, whether the system ignores it or somebody has loaded an old file over it: it
    differs from what was written, so it is news.
    """
    exchange = dict(link.exchange)
    for change in changes:
        now = ours.held(change)
        if now is MISSING or ours.is_as_sent(change):
            continue
        if ours.is_ineffective(change):
            if change.field == consent:
                continue
            exchange[change.field] = Exchange(now, now, change.version - 1, rejected=payload_hash(change.after))
        elif ours.fresh.by_us or ours.is_kept(change):
            exchange[change.field] = Exchange(change.after, now, change.version)
    return replace(link, exchange=exchange)


def _report_ineffective(context: Context, entity: EntityMapping, ours: _Ours, row: Journalled) -> None:
    """Sets aside what a system has said it wrote and has not, as if it had refused it."""
    operation = row.operation
    idle = [change for change in operation.changes if ours.is_ineffective(change)]
    if idle:
        names = ", ".join(change.field for change in idle)
        context.store.quarantine(
            Quarantined(
                id=refusal_id(operation.record, operation.system),
                entity=entity.name,
                system=operation.system,
                record=operation.record,
                object=operation.object,
                remote_id=operation.remote_id,
                error="INEFFECTIVE_WRITE",
                message=f"{operation.system} acknowledged the write of {names} and still holds what was there before",
                remedy="Let the user of crm-sync write that column there; then run `crm-sync quarantine retry`.",
                field=idle[0].field if len(idle) == 1 else None,
            )
        )


def _shows_more(mapping: SystemMapping, before: Mapping[str, Native], now: Mapping[str, Native]) -> bool:
    """Whether a column can be seen again that was hidden when the write was planned: what could not be told there is due."""
    return any(cell.path in now and cell.path not in before for cell in mapping.cells.values())


def _unexplained(fresh: NativeRecord, link: Link, cell: Cell) -> bool:
    """Whether the row holds there what neither we nor anybody before wrote, as far as is known: to be merged, or put right.

    A column that is only written is put right too, where we have written it.
    """
    now, exchange = fresh.values.get(cell.path, MISSING), link.exchange.get(cell.field)
    if now is MISSING:
        return False
    if exchange is None:
        value = cell.get(now, NO_REFS) if cell.reads else HELD
        return value is not HELD and not is_blank(value)
    return not cell.eq(now, exchange.seen) and not (is_blank(now) and is_blank(exchange.seen))

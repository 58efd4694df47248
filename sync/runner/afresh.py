"""Just before the write: read again what is to be overwritten, look up afresh what is to be created, bind references.

What moved is stored as news and dropped from the plan; the next round decides again. A connector whose updates are
conditional reads the row itself, later than could be done here: it is told what to expect, and tells what it found.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sync.engine.consent import is_opt_out
from sync.engine.plan import PENDING_REF
from sync.mapping import NO_REFS, Cell, EntityMapping, SystemMapping
from sync.model.record import Change, Journalled, Status
from sync.model.remote import Feed, Kind, NativeRecord
from sync.model.values import MISSING, Native
from sync.runner.context import Context
from sync.runner.place import Call, Place, Work
from sync.runner.pull import as_seen, feed_key, keys_of
from sync.state import Finished


def look(work: Work, place: Place, rows: list[Journalled]) -> Generator[Call, Any, list[Journalled]]:
    """The rows, all of one kind, that may still be written as planned, as far as it is known before the write."""
    kind = rows[0].operation.kind
    if kind is Kind.CREATE:
        return (yield from look_afresh(work, place, rows))
    if kind is not Kind.DELETE and place.able.conditional_update:
        return rows
    return (yield from verify(work, place, rows))


def expected(work: Work, place: Place, row: Journalled) -> dict[str, Native]:
    """What a conditional update takes the row to hold, by native path: in the fields that it changes, and whom it opts in.

    Whatever a connector can do, it is told which word of consent an opt-in is laid over.
    """
    cells = place.mapping.cells
    if not place.able.conditional_update:
        word = _opt_in(place, row)
        return {} if word is None else {word.native: word.before}
    held = {change.native: change.before for change in row.operation.changes if cells[change.field].reads}
    return held | _opted_in(work, place, row)


def _opted_in(work: Work, place: Place, row: Journalled) -> dict[str, Native]:
    """Where a write opts somebody in: the address that the row was last seen with. It may have gone to somebody who is out."""
    cell = place.mapping.cells.get(place.entity.address_field or "")
    if cell is None or not cell.reads or _opt_in(place, row) is None:
        return {}
    name = str(row.operation.remote_id)
    seen = work.context.store.observed(place.system.name, place.feed.object, [name]).get(name)
    return {cell.path: seen.values[cell.path]} if seen is not None and cell.path in seen.values else {}


def _opt_in(place: Place, row: Journalled) -> Change | None:
    """The change of a row that opts somebody in, if there is one."""
    word = next((change for change in row.operation.changes if change.field == place.entity.consent_field), None)
    return None if word is None or is_opt_out(place.mapping.cells[word.field].get(word.after, NO_REFS)) else word


def verify(work: Work, place: Place, rows: list[Journalled]) -> Generator[Call, Any, list[Journalled]]:
    """Reads the rows again: what moved is stored as news and dropped from the plan, what is gone is noted."""
    ids = list(dict.fromkeys(str(row.operation.remote_id) for row in rows))
    fresh: Mapping[str, NativeRecord | None] = yield lambda: place.system.connector.fetch(place.feed, ids)
    rows = still_planned(work, rows)
    moved = [row for row in rows if _moved(work, place, row, fresh.get(str(row.operation.remote_id)))]
    if not moved:
        return rows
    names = {row.number for row in moved}
    with work.context.store.transaction():
        store_moved(work, place, moved, fresh)
    return [row for row in rows if row.number not in names]


def _moved(work: Work, place: Place, row: Journalled, fresh: NativeRecord | None) -> bool:
    if fresh is None or fresh.deleted:
        return True
    if row.operation.kind is Kind.DELETE:
        return False
    cells = place.mapping.cells
    address = _opted_in(work, place, row)
    return any(_differs(cells[change.field], change.before, fresh) for change in row.operation.changes) or any(
        _differs(cells[place.entity.address_field or ""], before, fresh) for before in address.values()
    )


def _differs(cell: Cell, before: Native, fresh: NativeRecord) -> bool:
    now = fresh.values.get(cell.path, MISSING)
    return now is not MISSING and cell.reads and not cell.eq(now, before)


def store_moved(
    work: Work, place: Place, moved: Sequence[Journalled], fresh: Mapping[str, NativeRecord | None]
) -> None:
    """Stores what was found in the place of what was planned on (None: no row), to be decided again; in the caller's transaction."""
    work.pushed.moved += len(moved)
    seen = {record.id: record for row in moved if (record := fresh.get(str(row.operation.remote_id))) is not None}
    gone = [str(row.operation.remote_id) for row in moved if fresh.get(str(row.operation.remote_id)) is None]
    observe(work.context, place.entity, place.mapping, place.feed, seen.values())
    observed = work.context.store.observed(place.system.name, place.feed.object, gone)
    work.context.store.mark_absent(
        [o.number for o in observed.values()], run=work.run, times=1 if place.able.tombstones else 2
    )
    work.context.store.mark_pending(records=[row.operation.record for row in moved])
    work.context.store.finish(
        [
            Finished(row.number, Status.SKIPPED, error="MOVED", message="changed or deleted there since it was read")
            for row in moved
        ]
    )


def look_afresh(work: Work, place: Place, rows: list[Journalled]) -> Generator[Call, Any, list[Journalled]]:
    """A create looks up its key afresh: whoever was made there in the meantime is linked instead."""
    store, connector = work.context.store, place.system.connector
    where = (place.entity.name, place.feed.object)
    if not place.able.listable:
        yield from _look_up_each(work, place, rows)
    elif where not in work.looked:
        work.looked.add(where)
        cursor = store.cursor(place.system.name, place.feed.object, place.key)
        asked_at = work.context.clock.monotonic()
        recent: list[NativeRecord] = yield lambda: [
            record for page in connector.pull(place.feed, cursor) for record in page.records
        ]
        with store.transaction():
            observe(work.context, place.entity, place.mapping, place.feed, _current(work, place, recent, asked_at))
    rows = still_planned(work, rows)
    rivals = {number: f"{name} was made there meanwhile" for number, name in _rivals(work, place, rows).items()}
    rivals |= {
        number: f"{name} may be what an earlier create made" for number, name in _relics(work, place, rows).items()
    }
    work.pushed.moved += len(rivals)
    store.finish([Finished(number, Status.SKIPPED, error="EXISTS", message=why) for number, why in rivals.items()])
    return [row for row in rows if row.number not in rivals]


def _look_up_each(work: Work, place: Place, rows: list[Journalled]) -> Generator[Call, Any, None]:
    """Where nothing can be listed, each key is looked up."""
    path = next(iter(place.able.lookup_paths), None)
    values = [change.after for row in rows for change in row.operation.changes if change.native == path]
    if path is not None and values:
        asked_at = work.context.clock.monotonic()
        found: Mapping[str, tuple[NativeRecord, ...]] = yield lambda: place.system.connector.lookup(
            place.feed, path, values
        )
        with work.context.store.transaction():
            there = [record for records in found.values() for record in records]
            observe(work.context, place.entity, place.mapping, place.feed, _current(work, place, there, asked_at))


def _current(work: Work, place: Place, records: Sequence[NativeRecord], asked_at: float) -> list[NativeRecord]:
    """Without the rows that a look has dealt with since."""
    return work.context.between.current(place.system.name, records, asked_at)[0]


def still_planned(work: Work, rows: list[Journalled]) -> list[Journalled]:
    """Without what a look for news has taken back while a call was under way."""
    planned = work.context.store.still_planned([row.number for row in rows])
    return [row for row in rows if row.number in planned]


def _rivals(work: Work, place: Place, rows: list[Journalled]) -> dict[int, str]:
    """The live row there that holds a create's key by now, by operation; the next round matches them."""
    keys = {row.number: _keys(place, row) for row in rows}
    holders = work.context.store.by_key(place.entity.name, sorted({key for found in keys.values() for key in found}))
    taken = {
        key: holder.remote_id
        for key, found in holders.items()
        for holder in found
        if holder.system == place.system.name and not holder.deleted
    }
    return {number: taken[key] for number, found in keys.items() for key in reversed(found) if key in taken}


def _relics(work: Work, place: Place, rows: list[Journalled]) -> dict[int, str]:
    """A row there that an earlier create for the same record may have made, by operation; the next round holds both."""
    doubted = work.doubted(place.entity)
    again = {
        row.operation.record: row.number
        for row in rows
        if row.operation.record in doubted.records_of(place.system.name, place.feed.object)
    }
    found = {}
    for seen in doubted.unclaimed(place.system.name, place.feed.object) if again else ():
        for each in doubted.suspicions(seen):
            if each.create.operation.record in again:
                found[again[each.create.operation.record]] = seen.remote_id
    return found


def _keys(place: Place, row: Journalled) -> list[tuple[str, str]]:
    values = {change.native: change.after for change in row.operation.changes}
    return list(keys_of(place.entity, place.mapping, NativeRecord(place.feed.object, "", values)))


def resolved(work: Work, place: Place, rows: list[Journalled]) -> list[Journalled]:
    """References to records that this run created first now have a remote id; an operation without its parent waits."""
    parents = {(place.system.name, parent) for row in rows for c in row.operation.changes if (parent := _parent(c))}
    if not parents:
        return rows
    remotes = work.context.store.remote_ids(sorted(parents))
    bound = [_bound(row, place.system.name, remotes) for row in rows]
    orphans = [row.number for row in bound if any(_parent(change) for change in row.operation.changes)]
    work.context.store.finish(
        [Finished(number, Status.SKIPPED, error="PARENT", message="its parent is not there yet") for number in orphans]
    )
    return [row for row in bound if row.number not in set(orphans)]


def _parent(change: Change) -> str | None:
    """The record whose remote id a change waits for."""
    return change.after.get(PENDING_REF) if isinstance(change.after, dict) else None


def _bound(row: Journalled, system: str, remotes: Mapping[tuple[str, str], str]) -> Journalled:
    changes = tuple(
        replace(change, after=remotes.get((system, parent), change.after)) if (parent := _parent(change)) else change
        for change in row.operation.changes
    )
    return replace(row, operation=replace(row.operation, changes=changes))


def observe(
    context: Context, entity: EntityMapping, mapping: SystemMapping, feed: Feed, records: Iterable[NativeRecord]
) -> None:
    """Stores rows read outside a pull as news."""
    rows = [as_seen(entity, mapping, record) for record in records]
    context.store.save_page(
        entity.name,
        mapping.system,
        feed.object,
        feed_key(feed),
        rows,
        cursor=None,
        seen_at=context.clock.now(),
        sweep=None,
    )

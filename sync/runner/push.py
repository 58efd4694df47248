"""Push: verify-read, journal, write, settle; each system in its own lane, all lanes side by side.

A lane is a generator that yields the calls to make (they run on a worker thread) and does everything with the state on the main
thread. Order in a lane: opt-outs of all entities, then parents before children, then deletes.

Crash: an operation is durably SENT before its first byte leaves. What was sent and not settled is in doubt after a restart (``recover``);
what was settled has its exchange, its image and its journal row from one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from sync.engine.plan import PENDING_REF, create_hash, payload_hash
from sync.errors import AbortError, QuotaError
from sync.mapping import EntityMapping, SystemMapping
from sync.model.record import Change, Exchange, Journalled, Link, LinkState, Quarantined, Record, Status
from sync.model.remote import Capabilities, Feed, Kind, NativeRecord, Outcome, Receipt, Write
from sync.model.values import MISSING, is_blank
from sync.runner.context import Context, System, feed_of
from sync.runner.identify import quarantine_id
from sync.runner.pull import feed_key, keys_of
from sync.state import Finished, RecordSaved, Seen

GROUP = 2000
Call = Callable[[], Any]
Lane = Generator[Call, Any, None]


@dataclass(slots=True)
class Pushed:
    """What became of a plan: how many rows were looked at again because the world moved, and which writes are in doubt."""

    moved: int = 0
    doubts: int = 0


def push(context: Context, run: str, *, only_consent: bool = False) -> Pushed:
    """Carries out the planned operations of a run."""
    pushed = Pushed()
    lanes = {
        name: lane(context, system, run, pushed, only_consent=only_consent)
        for name, system in context.systems.items()
        if context.alive(name)
    }
    with ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        _drive(context, lanes, pool)
    return pushed


def _drive(context: Context, lanes: Mapping[str, Lane], pool: ThreadPoolExecutor) -> None:
    """Runs every lane's calls on the pool and everything between them here."""
    waiting: dict[Future[Any], str] = {}
    for name in lanes:
        _step(context, lanes, name, None, pool, waiting)
    while waiting:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            _step(context, lanes, waiting.pop(future), future, pool, waiting)


def _step(
    context: Context,
    lanes: Mapping[str, Lane],
    name: str,
    done: Future[Any] | None,
    pool: ThreadPoolExecutor,
    waiting: dict[Future[Any], str],
) -> None:
    lane_ = lanes[name]
    try:
        if done is None:
            call = next(lane_)
        elif (error := done.exception()) is not None:
            call = lane_.throw(error)
        else:
            call = lane_.send(done.result())
    except StopIteration:
        return
    except AbortError as error:
        context.fail(name, error.message)
        return
    waiting[pool.submit(call)] = name


# one system --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a group of operations goes."""

    entity: EntityMapping
    mapping: SystemMapping
    system: System
    feed: Feed
    able: Capabilities

    @property
    def key(self) -> str:
        return feed_key(self.feed)


@dataclass(slots=True)
class _Lane:
    """One system's lane in one run."""

    context: Context
    system: System
    run: str
    pushed: Pushed
    looked: set[tuple[str, str]] = field(default_factory=set)


def lane(context: Context, system: System, run: str, pushed: Pushed, *, only_consent: bool) -> Lane:
    """All groups of one system, in order."""
    work = _Lane(context, system, run, pushed)
    stages: list[tuple[Kind, ...]] = (
        [(Kind.SUBSCRIBE,)] if only_consent else [(Kind.SUBSCRIBE,), (Kind.CREATE,), (Kind.UPDATE,)]
    )
    first, rest = stages[0], stages[1:]
    for entity in context.chosen():
        yield from _stage(work, entity, first)
    spent = False
    for entity in context.chosen():
        for kinds in rest:
            try:
                yield from _stage(work, entity, kinds)
            except QuotaError as error:
                context.fail(system.name, error.message)
                spent = True
        if spent:
            return
    if not only_consent:
        for entity in reversed(context.chosen()):
            yield from _stage(work, entity, (Kind.DELETE,))


def _stage(work: _Lane, entity: EntityMapping, kinds: tuple[Kind, ...]) -> Lane:
    mapping = entity.systems.get(work.system.name)
    if mapping is None:
        return
    for name in mapping.objects:
        place = _Place(entity, mapping, work.system, feed_of(mapping, name), work.system.connector.capabilities(name))
        for kind in kinds:
            yield from _groups(work, place, kind)


def _groups(work: _Lane, place: _Place, kind: Kind) -> Lane:
    after = 0
    while rows := work.context.store.operations(
        work.run,
        statuses=(Status.PLANNED,),
        entity=place.entity.name,
        system=place.system.name,
        kind=kind,
        object=place.feed.object,
        after=after,
        limit=GROUP,
    ):
        after = rows[-1].number
        yield from _group(work, place, rows)


def _group(work: _Lane, place: _Place, rows: list[Journalled]) -> Lane:
    kind = rows[0].operation.kind
    if kind is Kind.CREATE:
        rows = yield from _look_afresh(work, place, rows)
    else:
        rows = yield from _verify(work, place, rows)
    rows = list(_resolved(work, place, rows))
    size = max(1, place.system.connector.journal_size(place.feed.object, len(rows)))
    acked: list[tuple[Journalled, Receipt]] = []
    for start in range(0, len(rows), size):
        acked += yield from _chunk(work, place, rows[start : start + size])
    yield from _read_back(work, place, acked)


# before the write ----------------------------------------------------------------------------------------------------------


def _verify(work: _Lane, place: _Place, rows: list[Journalled]) -> Generator[Call, Any, list[Journalled]]:
    """Reads the rows again: what moved is stored as news and dropped from the plan, what is gone is noted."""
    ids = list(dict.fromkeys(str(row.operation.remote_id) for row in rows))
    fresh: Mapping[str, NativeRecord | None] = yield lambda: place.system.connector.fetch(place.feed, ids)
    moved = [row for row in rows if _moved(place, row, fresh.get(str(row.operation.remote_id)))]
    if not moved:
        return rows
    names = {row.number for row in moved}
    with work.context.store.transaction():
        _store_moved(work, place, moved, fresh)
    work.pushed.moved += len(moved)
    return [row for row in rows if row.number not in names]


def _moved(place: _Place, row: Journalled, fresh: NativeRecord | None) -> bool:
    if fresh is None or fresh.deleted:
        return True
    if row.operation.kind is Kind.DELETE:
        return False
    return any(_differs(place, change, fresh) for change in row.operation.changes)


def _differs(place: _Place, change: Change, fresh: NativeRecord) -> bool:
    cell = place.mapping.cells[change.field]
    now = fresh.values.get(change.native, MISSING)
    return now is not MISSING and cell.reads and not cell.eq(now, change.before)


def _store_moved(work: _Lane, place: _Place, moved: list[Journalled], fresh: Mapping[str, NativeRecord | None]) -> None:
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


def _look_afresh(work: _Lane, place: _Place, rows: list[Journalled]) -> Generator[Call, Any, list[Journalled]]:
    """A create looks up its key afresh: whoever was made there in the meantime is linked instead."""
    store, connector = work.context.store, place.system.connector
    where = (place.entity.name, place.feed.object)
    if where not in work.looked:
        work.looked.add(where)
        cursor = store.cursor(place.system.name, place.feed.object, place.key)
        recent: list[NativeRecord] = yield lambda: [
            record for page in connector.pull(place.feed, cursor) for record in page.records
        ]
        with store.transaction():
            observe(work.context, place.entity, place.mapping, place.feed, recent)
    return [row for row in rows if not _rivalled(work, place, row)]


def _rivalled(work: _Lane, place: _Place, row: Journalled) -> bool:
    """Whether a live row there holds the key by now; then the next round matches it."""
    record = NativeRecord(place.feed.object, "", {change.native: change.after for change in row.operation.changes})
    keys = list(keys_of(place.entity, place.mapping, record))
    holders = work.context.store.by_key(place.entity.name, keys)
    rivals = [h for found in holders.values() for h in found if h.system == place.system.name and not h.deleted]
    if rivals:
        work.pushed.moved += 1
        work.context.store.finish(
            [
                Finished(
                    row.number,
                    Status.SKIPPED,
                    error="EXISTS",
                    message=f"{rivals[0].remote_id} was made there meanwhile",
                )
            ]
        )
    return bool(rivals)


def _resolved(work: _Lane, place: _Place, rows: Iterable[Journalled]) -> Iterator[Journalled]:
    """References to records that this run created first now have a remote id; an operation without its parent waits."""
    for row in rows:
        changes = tuple(_bound(work, place, change) for change in row.operation.changes)
        if any(isinstance(change.after, dict) and PENDING_REF in change.after for change in changes):
            work.context.store.finish(
                [Finished(row.number, Status.SKIPPED, error="PARENT", message="its parent is not there yet")]
            )
            continue
        yield replace(row, operation=replace(row.operation, changes=changes))


def _bound(work: _Lane, place: _Place, change: Change) -> Change:
    if not isinstance(change.after, dict) or PENDING_REF not in change.after:
        return change
    key = (place.system.name, change.after[PENDING_REF])
    remote = work.context.store.remote_ids([key]).get(key)
    return change if remote is None else replace(change, after=remote)


# the write -----------------------------------------------------------------------------------------------------------------


def _chunk(
    work: _Lane, place: _Place, rows: list[Journalled]
) -> Generator[Call, Any, list[tuple[Journalled, Receipt]]]:
    store = work.context.store
    if not rows:
        return []
    store.mark_sent([row.number for row in rows], at=work.context.clock.now())
    writes = [_write(place, row) for row in rows]
    try:
        receipts: list[Receipt] = yield lambda: place.system.connector.push(writes)
    except AbortError:
        store.unsend([row.number for row in rows])
        raise
    with store.transaction():
        acked = _settle(work, place, rows, receipts)
    task = f"write {place.system.name} {place.feed.object}"
    work.context.progress.advance(task, len(rows), place.system.connector.usage().calls_left)
    return acked


def _write(place: _Place, row: Journalled) -> Write:
    operation = row.operation
    return Write(
        number=row.number,
        kind=operation.kind,
        object=operation.object,
        remote_id=operation.remote_id,
        record=operation.record,
        values={change.native: change.after for change in operation.changes},
        external_id=place.mapping.external_id,
        address=operation.address,
    )


def _settle(
    work: _Lane, place: _Place, rows: list[Journalled], receipts: list[Receipt]
) -> list[tuple[Journalled, Receipt]]:
    """Stores what each write came to, in the caller's transaction."""
    by_number = {receipt.number: receipt for receipt in receipts}
    pairs = [(row, by_number.get(row.number, Receipt(row.number, Outcome.DOUBT))) for row in rows]
    acked = [(row, receipt) for row, receipt in pairs if receipt.outcome is Outcome.ACKED]
    book(work.context, place.entity, place.mapping, place.feed, acked)
    for row, receipt in pairs:
        if receipt.outcome is not Outcome.ACKED:
            _refused(work, place, row, receipt)
    return acked


def _refused(work: _Lane, place: _Place, row: Journalled, receipt: Receipt) -> None:
    if receipt.outcome is Outcome.DOUBT:
        _doubt(work, place, row, receipt)
        return
    store, outcome = work.context.store, receipt.outcome
    if outcome is Outcome.REJECTED:
        reject(work.context, place.entity, place.system.name, row, receipt)
    elif outcome is Outcome.GONE and row.operation.remote_id is not None:
        observed = store.observed(place.system.name, place.feed.object, [row.operation.remote_id])
        store.mark_absent([o.number for o in observed.values()], run=work.run, times=1 if place.able.tombstones else 2)
    status = Status.SKIPPED if outcome in (Outcome.MOVED, Outcome.GONE) else Status.FAILED
    work.pushed.moved += outcome is Outcome.MOVED
    store.finish([Finished(row.number, status, error=receipt.error, message=receipt.message)])


def _doubt(work: _Lane, place: _Place, row: Journalled, receipt: Receipt) -> None:
    """Nobody knows: the link is frozen until the write can no longer land."""
    until = work.context.clock.now() + place.system.horizon
    work.pushed.doubts += 1
    work.context.store.finish(
        [Finished(row.number, Status.IN_DOUBT, error=receipt.error, message=receipt.message, doubt_until=until)]
    )
    if row.operation.remote_id is not None:
        work.context.store.set_busy(place.system.name, place.feed.object, row.operation.remote_id, until)


# bookkeeping, shared with recovery -------------------------------------------------------------------------------------------


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
    _release(context, mapping.system, {row.operation.record for row, _ in written})


def _release(context: Context, system: str, records: set[str]) -> None:
    """What was written after all is not set aside any longer."""
    done = [
        q.id
        for q in context.store.quarantined()
        if q.system == system and q.record in records and q.error != "DUPLICATE"
    ]
    context.store.release(done)


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
        replace(link, exchange={**link.exchange, **written}) if _is(link, mapping.system, remote_id) else link
        for link in record.links
    )
    return replace(record, links=links)


def _is(link: Link, system: str, remote_id: str) -> bool:
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
            id=quarantine_id("REJECTED", operation.record, system),
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


# after the write -----------------------------------------------------------------------------------------------------------


def _read_back(work: _Lane, place: _Place, acked: list[tuple[Journalled, Receipt]]) -> Lane:
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


def _answered(place: _Place, row: Journalled, receipt: Receipt) -> NativeRecord | None:
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
        if not _is(link, mapping.system, fresh.id):
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


def observe(
    context: Context, entity: EntityMapping, mapping: SystemMapping, feed: Feed, records: Iterable[NativeRecord]
) -> None:
    """Stores rows read outside a pull as news."""
    rows = [Seen(record, tuple(keys_of(entity, mapping, record))) for record in records]
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

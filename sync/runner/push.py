"""Push: verify-read, journal, write, settle; each system in its own lane, all lanes side by side.

A lane is a generator that yields the calls to make (they run on a worker thread) and does everything with the state on the main
thread. Order in a lane: opt-outs of all entities, then parents before children, then deletes. Of one entity updates go
before creates: an edit that a backfill found waits for no backlog of new rows.

A process that is asked to end makes no further call; what is under way is waited for and settled, what was journalled and not yet
sent is taken back.

Crash: an operation is durably SENT before its first byte leaves. What was sent and not settled is in doubt after a restart (``recover``);
what was settled has its exchange, its image and its journal row from one transaction.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from sync.errors import AbortError, QuotaError, StoppedError
from sync.mapping import EntityMapping
from sync.model.record import Journalled, Status
from sync.model.remote import Kind, Outcome, Receipt, Write
from sync.runner.abilities import able
from sync.runner.afresh import expected, look, resolved, still_planned, store_moved
from sync.runner.book import book, reject
from sync.runner.context import Context, System, feed_of
from sync.runner.place import Call, Place, Pushed, Steps, Work
from sync.runner.settle import answered, read_back
from sync.state import Finished

PAGE = 2000
AGAIN = 100
"""Rows that are read again together even where a request reads one alone: several connectors then read a list instead."""
LOOK_S = 1.0
"""One call may last for minutes, a fetch of many rows from a slow system: news does not wait for its end."""


def push(context: Context, run: str, *, only_consent: bool = False) -> Pushed:
    """Carries out the planned operations of a run; where the allowance is spent, the opt-outs."""
    pushed = Pushed()
    lanes = {
        name: lane(context, system, run, pushed, only_consent=only_consent or not context.alive(name))
        for name, system in context.systems.items()
        if context.hears(name)
    }
    drive(context, lanes)
    return pushed


def drive(context: Context, lanes: Mapping[str, Steps]) -> None:
    """Runs the lanes side by side, by system: their calls on threads, everything between them here."""
    waiting: dict[Future[Any], str] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        for name in lanes:
            _step(context, lanes, name, None, pool, waiting)
        while waiting:
            done, _ = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                _step(context, lanes, waiting.pop(future), future, pool, waiting)
            if waiting:
                context.around.interlude(context)
    context.around.safe_point()


def _step(
    context: Context,
    lanes: Mapping[str, Steps],
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
        call = _unless_stopped(context, lane_, call)
    except (StopIteration, StoppedError):
        return
    except AbortError as error:
        context.fail(name, error)
        return
    waiting[pool.submit(call)] = name


def _unless_stopped(context: Context, lane_: Steps, call: Call) -> Call:
    """The call, if it may still be made; else the lane takes back what it has journalled for it, and ends."""
    try:
        context.around.safe_point()
    except StoppedError as stopped:
        return lane_.throw(stopped)
    return call


def lane(context: Context, system: System, run: str, pushed: Pushed, *, only_consent: bool) -> Steps:
    """All groups of one system, in order."""
    work = Work(context, system, run, pushed)
    stages: list[tuple[Kind, ...]] = (
        [(Kind.SUBSCRIBE,)] if only_consent else [(Kind.SUBSCRIBE,), (Kind.UPDATE,), (Kind.CREATE,)]
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
                context.fail(system.name, error)
                spent = True
        if spent:
            return
    if not only_consent:
        for entity in reversed(context.chosen()):
            yield from _stage(work, entity, (Kind.DELETE,))


def _stage(work: Work, entity: EntityMapping, kinds: tuple[Kind, ...]) -> Steps:
    mapping = entity.systems.get(work.system.name)
    if mapping is None:
        return
    for name in mapping.objects:
        can = able(work.context, work.system.name, name)
        if can is None:
            return
        place = Place(entity, mapping, work.system, feed_of(mapping, name), can)
        for kind in kinds:
            yield from _groups(work, place, kind)


def _groups(work: Work, place: Place, kind: Kind) -> Steps:
    """The planned operations of one kind, a group at a time; a large backlog makes the connector choose larger bites.

    A group is what is read again together: it is written before more is read, so that nobody's edit waits long unseen.
    """
    total = work.context.store.planned_count(work.run, place.entity.name, place.system.name, place.feed.object, kind)
    if not total:
        return
    size = max(1, place.system.connector.journal_size(place.feed.object, total))
    size = min(size, work.context.around.bite() or size)
    group = max(size, place.able.fetch_size, AGAIN)
    work.context.progress.start(f"write {place.system.name} {place.feed.object}", total)
    after = 0
    while rows := work.context.store.operations(
        work.run,
        statuses=(Status.PLANNED,),
        entity=place.entity.name,
        system=place.system.name,
        kind=kind,
        object=place.feed.object,
        after=after,
        limit=max(PAGE, size),
    ):
        after = rows[-1].number
        for start in range(0, len(rows), group):
            yield from _group(work, place, rows[start : start + group], size)


def _group(work: Work, place: Place, rows: list[Journalled], size: int) -> Steps:
    rows = yield from look(work, place, rows)
    rows = resolved(work, place, rows)
    unread: list[tuple[Journalled, Receipt]] = []
    try:
        for start in range(0, len(rows), size):
            acked = yield from _chunk(work, place, rows[start : start + size])
            told = [each for each in acked if each[1].values is not None]
            unread += [each for each in acked if each[1].values is None]
            yield from _read_back(work, place, told)
        yield from _read_back(work, place, unread)
    finally:
        work.context.between.end(rows)


def _read_back(work: Work, place: Place, acked: list[tuple[Journalled, Receipt]]) -> Steps:
    if acked:
        yield from read_back(work, place, acked)
        work.context.between.end([row for row, _ in acked])


def _chunk(work: Work, place: Place, rows: list[Journalled]) -> Generator[Call, Any, list[tuple[Journalled, Receipt]]]:
    store = work.context.store
    rows = still_planned(work, rows)
    if not rows:
        return []
    work.context.between.begin(rows)
    store.mark_sent([row.number for row in rows], at=work.context.clock.now())
    writes = [_write(work, place, row) for row in rows]
    try:
        receipts: list[Receipt] = yield lambda: place.system.connector.push(writes)
    except (AbortError, StoppedError):
        store.unsend([row.number for row in rows])
        raise
    with store.transaction():
        acked = _settle(work, place, rows, receipts)
    settled = {row.number for row, _ in acked}
    work.context.between.end([row for row in rows if row.number not in settled])
    task = f"write {place.system.name} {place.feed.object}"
    work.context.progress.advance(task, len(rows), place.system.connector.usage().calls_left)
    return acked


def _write(work: Work, place: Place, row: Journalled) -> Write:
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
        expected=expected(work, place, row) if operation.kind in (Kind.UPDATE, Kind.SUBSCRIBE) else {},
    )


def _settle(
    work: Work, place: Place, rows: list[Journalled], receipts: list[Receipt]
) -> list[tuple[Journalled, Receipt]]:
    """Stores what each write came to, in the caller's transaction."""
    by_number = {receipt.number: receipt for receipt in receipts}
    pairs = [(row, by_number.get(row.number, Receipt(row.number, Outcome.DOUBT))) for row in rows]
    acked = [(row, receipt) for row, receipt in pairs if receipt.outcome is Outcome.ACKED]
    book(work.context, place.entity, place.mapping, place.feed, acked)
    moved = [(row, receipt) for row, receipt in pairs if _is_found_moved(place, row, receipt)]
    if moved:
        found = {str(row.operation.remote_id): answered(place, row, receipt) for row, receipt in moved}
        store_moved(work, place, [row for row, _ in moved], found)
    dealt = {row.number for row, _ in (*acked, *moved)}
    for row, receipt in pairs:
        if row.number not in dealt:
            _refused(work, place, row, receipt)
    return acked


def _is_found_moved(place: Place, row: Journalled, receipt: Receipt) -> bool:
    """Whether a conditional update told what it found in the place of what was expected: another row, or none."""
    conditional = place.able.conditional_update and row.operation.kind in (Kind.UPDATE, Kind.SUBSCRIBE)
    changed = receipt.outcome is Outcome.MOVED and receipt.values is not None
    return conditional and (changed or receipt.outcome is Outcome.GONE)


def _refused(work: Work, place: Place, row: Journalled, receipt: Receipt) -> None:
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


def _doubt(work: Work, place: Place, row: Journalled, receipt: Receipt) -> None:
    """Nobody knows: the link is frozen until the write can no longer land."""
    until = work.context.clock.now() + place.system.horizon
    work.pushed.doubts += 1
    work.context.store.finish(
        [Finished(row.number, Status.IN_DOUBT, error=receipt.error, message=receipt.message, doubt_until=until)]
    )
    if row.operation.remote_id is not None:
        work.context.store.set_busy(place.system.name, place.feed.object, row.operation.remote_id, until)

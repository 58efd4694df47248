"""Recover: writes in doubt are looked up, never simply repeated; nothing is planned on top of doubt.

An update in doubt is settled as soon as the row shows it; that it did not happen is known only after the horizon. A create is
repeated at once where the system makes that safe; elsewhere it is looked up after each of the configured delays, twice after the
horizon, some time apart, and then repeated once.
A second doubt about the same create is a person's.

Crash: every step changes the journal row and what follows from it in one transaction; a recovery that dies is begun again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sync.engine.likeness import edited_since, likeness
from sync.errors import AbortError
from sync.mapping import EntityMapping, SystemMapping
from sync.model.record import Change, Journalled, Observation, Status
from sync.model.remote import Feed, Kind, NativeRecord, Outcome, Receipt
from sync.model.values import MISSING
from sync.runner.afresh import observe
from sync.runner.book import book
from sync.runner.context import Context, System, feed_of
from sync.runner.doubted import UNDER_ANOTHER_KEY, Doubted, ask, is_open, row_name, sent_keys
from sync.runner.pull import feed_key
from sync.runner.settle import settle
from sync.runner.unread import read_unread
from sync.state import Finished, Holder

PATIENCE = timedelta(seconds=5)
"""A horizon this near is waited for: the next run would only find the same doubt."""


def recover(context: Context) -> int:
    """Looks up everything in doubt that is due; returns how many writes are still in doubt."""
    read_unread(context)
    _adopt_orphans(context)
    for _ in range(len(_longest_delays(context)) + 2):
        _round(context)
        pause = _pause(context)
        if pause is None:
            break
        context.clock.sleep(pause)
    return len(context.store.in_doubt())


def _adopt_orphans(context: Context) -> None:
    """What a dead process left as SENT is in doubt from the moment it was sent."""
    orphans = [row for row in context.store.in_doubt() if row.status is Status.SENT]
    with context.store.transaction():
        for row in orphans:
            system = context.systems.get(row.operation.system)
            until = (row.sent_at or context.clock.now()) + (system.horizon if system else timedelta(minutes=15))
            context.store.finish(
                [
                    Finished(
                        row.number,
                        Status.IN_DOUBT,
                        error="INTERRUPTED",
                        message="the process ended while it was sent",
                        doubt_until=until,
                    )
                ]
            )
            if row.operation.remote_id is not None:
                context.store.set_busy(row.operation.system, row.operation.object, row.operation.remote_id, until)


def _longest_delays(context: Context) -> tuple[float, ...]:
    return max((system.verify_delays for system in context.systems.values()), key=len, default=())


def _pause(context: Context) -> float | None:
    """Seconds until the next doubt that is worth waiting for in this run."""
    now = context.clock.now()
    waits = [(due - now).total_seconds() for row in context.store.in_doubt() if (due := _due(context, row)) is not None]
    near = [max(0.0, wait) for wait in waits if wait <= PATIENCE.total_seconds()]
    return min(near) + 0.01 if near else None


def _due(context: Context, row: Journalled) -> datetime | None:
    """When the next look at this doubt may tell something new."""
    system = context.systems.get(row.operation.system)
    if system is None or not context.alive(system.name) or row.error == "UNKNOWN":
        return None
    if row.operation.kind is Kind.ENGAGE:  # what an event caused has no row to read: `streams.look_up`
        return None
    delays = system.verify_delays
    start = row.sent_at or context.clock.now()
    looked_at = _looked_in_vain_at(row)
    if looked_at is not None:
        return looked_at + _apart(system)
    if row.looks < len(delays):
        return start + timedelta(seconds=delays[row.looks])
    return row.doubt_until or start


def _looked_in_vain_at(row: Journalled) -> datetime | None:
    """When a create was last looked for, if it could no longer land by then."""
    over = row.looked_at is not None and (row.doubt_until is None or row.looked_at >= row.doubt_until)
    return row.looked_at if over and row.operation.kind is Kind.CREATE else None


def _apart(system: System) -> timedelta:
    """How far apart two looks must be to prove that nothing is there: an index may be late with what was just changed."""
    return timedelta(seconds=max(system.verify_delays, default=0.0))


def _round(context: Context) -> None:
    now = context.clock.now()
    rows = [
        row
        for row in context.store.in_doubt()
        if (due := _due(context, row)) is not None and (due <= now or row.looks == 0)
    ]
    rows.sort(
        key=lambda row: (row.operation.system, row.operation.entity, row.operation.object, row.operation.kind.value)
    )
    for (system, entity, name, kind), group in groupby(
        rows, key=lambda row: (row.operation.system, row.operation.entity, row.operation.object, row.operation.kind)
    ):
        mapped = context.mappings.entities.get(entity)
        if mapped is None or system not in mapped.systems or name not in mapped.systems[system].objects:
            continue
        feed = feed_of(mapped.systems[system], name)
        try:
            case = _Case(context, mapped, mapped.systems[system], context.systems[system], feed)
            (case.creates if kind is Kind.CREATE else case.existing)(list(group))
        except AbortError as error:
            context.fail(system, error)


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A row that a create may have made. ``alone``: it agrees with this create fully, and with no other record's at all."""

    seen: Observation
    alone: bool


class _Case:
    """The doubts about one object of one system."""

    def __init__(
        self, context: Context, entity: EntityMapping, mapping: SystemMapping, system: System, feed: Feed
    ) -> None:
        self.context = context
        self.store = context.store
        self.entity = entity
        self.mapping = mapping
        self.system = system
        self.feed = feed
        self.able = system.connector.capabilities(feed.object)
        named = mapping.external_id is not None or self.able.repeatable_by_key
        self.repeatable = self.able.repeatable_create and named

    # updates and deletes ---------------------------------------------------------------------------------------------

    def existing(self, rows: Sequence[Journalled]) -> None:
        ids = list(dict.fromkeys(str(row.operation.remote_id) for row in rows))
        fresh = self.system.connector.fetch(self.feed, ids)
        with self.store.transaction():
            for row in rows:
                self._existing(row, fresh.get(str(row.operation.remote_id)))

    def _existing(self, row: Journalled, fresh: NativeRecord | None) -> None:
        gone = fresh is None or fresh.deleted
        if row.operation.kind is Kind.DELETE and gone:
            self._happened(row, None)
        elif (
            fresh is not None
            and not gone
            and row.operation.changes
            and all(self._arrived(c, fresh) for c in row.operation.changes)
        ):
            self._happened(row, fresh)
        elif self._is_over(row):
            self._did_not_happen(row, fresh)
        else:
            self.store.looked(row.number)

    def _arrived(self, change: Change, fresh: NativeRecord) -> bool:
        cell = self.mapping.cells.get(change.field)
        now = fresh.values.get(change.native, MISSING)
        if cell is None or now is MISSING:
            return False
        if cell.eq(now, change.after):
            return True
        limit = self.able.lengths.get(change.native)
        return cell.variant(change.after, now, limit) and not cell.eq(now, change.before)

    def _is_over(self, row: Journalled) -> bool:
        return row.doubt_until is None or self.context.clock.now() >= row.doubt_until

    def _is_last_look(self, row: Journalled) -> bool:
        """Whether nothing more can come: the write can no longer land, and it was looked for since, long enough ago."""
        before = _looked_in_vain_at(row)
        return before is not None and self.context.clock.now() >= before + _apart(self.system)

    def _happened(self, row: Journalled, fresh: NativeRecord | None) -> None:
        pair = (row, Receipt(row.number, Outcome.ACKED, remote_id=fresh.id if fresh else row.operation.remote_id))
        self._free(row)
        book(self.context, self.entity, self.mapping, self.feed, [pair])
        held = {} if fresh is None else {fresh.id: fresh}
        settle(self.context, self.entity, self.mapping, self.feed, [pair], held, self.able.lengths)
        self.store.mark_pending(records=[row.operation.record])

    def _did_not_happen(self, row: Journalled, fresh: NativeRecord | None) -> None:
        """The row as it is now is news; the merge decides again."""
        self._free(row)
        self.store.finish(
            [Finished(row.number, Status.FAILED, error="NOT_APPLIED", message="it did not happen; planned again")]
        )
        if fresh is not None:
            observe(self.context, self.entity, self.mapping, self.feed, [fresh])
        self.store.mark_pending(records=[row.operation.record])

    def _free(self, row: Journalled) -> None:
        if row.operation.remote_id is not None:
            self.store.set_busy(self.system.name, self.feed.object, row.operation.remote_id, None)

    # creates -----------------------------------------------------------------------------------------------------------

    def creates(self, rows: Sequence[Journalled]) -> None:
        """By external id a create is simply repeated; elsewhere the row is looked for first.

        It is looked for by what was sent: the record's own key may have changed since, and then a repetition would make a second row.
        """
        if self.repeatable and self.mapping.external_id:
            self._repeat(rows)
            return
        found = self._look_up(rows)
        doubted = Doubted(self.context, self.entity)
        with self.store.transaction():
            for row in rows:
                if found[row.number]:
                    self._create(row, found[row.number])
            again = self._not_found([row for row in rows if not found[row.number]], doubted)
        self._repeat(again)

    def _not_found(self, rows: Sequence[Journalled], doubted: Doubted) -> list[Journalled]:
        """What is like a create in all but its key is waited for like the row itself. Returns what may be repeated at once."""
        suspects = self._suspects(doubted) if rows else {}
        again = []
        for row in rows:
            if row.number in suspects:
                self._suspected(row, suspects[row.number])
            elif self.repeatable:
                again.append(row)
            else:
                self._create(row, [])
        return again

    def _suspects(self, doubted: Doubted) -> dict[int, list[_Suspect]]:
        """The rows of nobody that creates in doubt may have made, by create. What was found just now is no rival any more."""
        found: dict[int, list[_Suspect]] = {}
        doubtful = {row.number for row in self.store.in_doubt()}
        for seen in doubted.unclaimed(self.system.name, self.feed.object):
            suspicions = [
                each for each in doubted.suspicions(seen) if each.create.number in doubtful or not is_open(each.create)
            ]
            for each in suspicions:
                found.setdefault(each.create.number, []).append(_Suspect(seen, each.full and len(suspicions) == 1))
        return found

    def _suspected(self, row: Journalled, suspects: Sequence[_Suspect]) -> None:
        """The one row that nothing but its key speaks against is it, and the key is a person's edit. All else is a question."""
        if not self._is_last_look(row):
            self.store.looked(row.number)
        elif len(suspects) == 1 and suspects[0].alone:
            self._happened(row, _native(suspects[0].seen))
        else:
            names = [row_name(self.system.name, each.seen.remote_id) for each in suspects]
            ask(self.context, self.entity, row, UNDER_ANOTHER_KEY, names)

    def _repeat(self, rows: Sequence[Journalled]) -> None:
        with self.store.transaction():
            for row in rows:
                self.store.finish(
                    [
                        Finished(
                            row.number,
                            Status.FAILED,
                            error="REPEATED",
                            message="in doubt, and safe to repeat: planned again",
                        )
                    ]
                )
            self.store.mark_pending(records=[row.operation.record for row in rows])

    def _look_up(self, rows: Sequence[Journalled]) -> dict[int, list[NativeRecord]]:
        """Rows of nobody that hold the key that was sent. Before a create is repeated, what is new there is read as well."""
        path = next((p for p in self.able.lookup_paths if all(_value(row, p) is not None for row in rows)), None)
        found = self._unlinked(self._by_value(rows, path) if path is not None else {}, rows)
        missing = [row for row in rows if not found[row.number]]
        decisive = path is None or self.repeatable or any(map(self._is_last_look, missing))
        if missing and decisive and self.able.listable:
            found |= self._unlinked(self._enumerate(missing), missing)
        return found

    def _by_value(self, rows: Sequence[Journalled], path: str) -> dict[int, tuple[NativeRecord, ...]]:
        found = self.system.connector.lookup(self.feed, path, [_value(row, path) for row in rows])
        return {row.number: found.get(str(_value(row, path)), ()) for row in rows}

    def _unlinked(
        self, found: Mapping[int, Sequence[NativeRecord]], rows: Sequence[Journalled]
    ) -> dict[int, list[NativeRecord]]:
        return {row.number: [r for r in found.get(row.number, ()) if not self._is_linked(r)] for row in rows}

    def _enumerate(self, rows: Sequence[Journalled]) -> dict[int, tuple[NativeRecord, ...]]:
        """Reads what is new there, then whoever is known to hold our id or the keys that were sent."""
        cursor = self.store.cursor(self.system.name, self.feed.object, feed_key(self.feed))
        recent = [record for page in self.system.connector.pull(self.feed, cursor) for record in page.records]
        keys = {row.number: sent_keys(self.entity, row) for row in rows}
        with self.store.transaction():
            observe(self.context, self.entity, self.mapping, self.feed, recent)
        holders = self.store.by_key(self.entity.name, sorted({key for found in keys.values() for key in found}))
        ids = {
            number: {h.remote_id for key in found for h in holders.get(key, ()) if self._may_be_ours(h)}
            for number, found in keys.items()
        }
        for row in rows:
            ids[row.number] |= {r.id for r in recent if self._is_stamped(r, row)}
        seen = self.store.observed(
            self.system.name, self.feed.object, sorted({i for found in ids.values() for i in found})
        )
        fresh = {i: _native(row) for i, row in seen.items()} | {r.id: r for r in recent if r.id in seen}
        return {number: tuple(fresh[i] for i in sorted(found) if i in seen) for number, found in ids.items()}

    def _may_be_ours(self, holder: Holder) -> bool:
        return holder.system == self.system.name and holder.object == self.feed.object and not holder.deleted

    def _is_stamped(self, record: NativeRecord, row: Journalled) -> bool:
        """The correlation token: our record's id in a spare field."""
        path = self.mapping.external_id
        return path is not None and not record.deleted and record.values.get(path) == row.operation.record

    def _is_linked(self, record: NativeRecord) -> bool:
        return record.deleted or self.store.is_linked(self.system.name, self.feed.object, record.id)

    def _create(self, row: Journalled, found: list[NativeRecord]) -> None:
        if len(found) == 1 and (self._is_ours(row, found[0]) or self._is_edited(row, found[0])):
            self._happened(row, found[0])
        elif len(found) > 1:
            names = [row_name(self.system.name, there.id) for there in found]
            ask(self.context, self.entity, row, f"{len(found)} rows there could be it", names)
        elif found and self._is_over(row):
            self._is_somebodys(row, found[0])
        elif not self._is_last_look(row):
            self.store.looked(row.number)
        elif row.resent:
            ask(self.context, self.entity, row, "it was sent twice and never found", [])
        else:
            self.store.finish(
                [
                    Finished(
                        row.number,
                        Status.FAILED,
                        error="NOT_APPLIED",
                        message="looked up and not found; sent once more",
                    )
                ]
            )
            self.store.mark_pending(records=[row.operation.record])

    def _is_ours(self, row: Journalled, there: NativeRecord) -> bool:
        """Our id is on it, or it holds what we sent. Else somebody may have made it, who knew nothing of our values."""
        return self._is_stamped(there, row) or all(self._arrived(change, there) for change in row.operation.changes)

    def _is_edited(self, row: Journalled, there: NativeRecord) -> bool:
        sent = {change.native: change.after for change in row.operation.changes}
        like = likeness(self.entity, self.mapping, sent, there.values, self.able)
        return like.is_near and row.sent_at is not None and edited_since(row.sent_at, there)

    def _is_somebodys(self, row: Journalled, there: NativeRecord) -> None:
        """The row is linked like any other that is met for the first time: what it says and what we know are both kept."""
        what = "a row with its key is there and holds other values"
        self.store.finish([Finished(row.number, Status.FAILED, error="NOT_APPLIED", message=what)])
        observe(self.context, self.entity, self.mapping, self.feed, [there])
        self.store.mark_pending(records=[row.operation.record])


def _native(seen: Observation) -> NativeRecord:
    return NativeRecord(seen.object, seen.remote_id, seen.values, seen.version, seen.changed_at)


def _value(row: Journalled, path: str) -> str | None:
    value = next((change.after for change in row.operation.changes if change.native == path), None)
    return value if isinstance(value, str) and value else None

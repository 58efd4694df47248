"""Pull: every healthy system side by side, pages fetched ahead, rows and cursor persisted in one transaction.

A service does not let one silent system hold up the others: when all that still read have been silent for longer than the others
are willing to wait, they are out of this run. Their threads end by themselves, and what they still bring is not looked at.

Crash: a page is stored together with its cursor, or not at all; a cursor therefore never passes a row that is not in the state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from sync.engine.consent import is_opt_out
from sync.errors import AbortError, UnreachableError
from sync.mapping import NO_REFS, EntityMapping, SystemMapping
from sync.model.remote import Feed, NativeRecord, Page
from sync.model.values import Absence
from sync.runner.abilities import able
from sync.runner.context import Context, feeds
from sync.runner.fetching import Fetched, Fetching, Read
from sync.state import WALK, Seen, Suppression

AHEAD = 3
LOOK_S = 0.5
"""How often a pull that waits for pages looks around."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull of one object came to. ``complete``: a verified complete enumeration under `sweep`."""

    read: Read
    rows: int
    complete: bool


def feed_key(feed: Feed) -> str:
    """Fingerprint of what a feed reads: a cursor holds for this feed alone."""
    shape = orjson.dumps(
        [feed.object, feed.paths, feed.where, dict(feed.params)], option=orjson.OPT_SORT_KEYS, default=str
    )
    return hashlib.blake2b(shape, digest_size=8).hexdigest()


def reads(context: Context, *, full: bool, resume: bool = False) -> list[Read]:
    """Everything to pull in this run, by system and in the order of the entities."""
    found = []
    for entity in context.chosen():
        for mapping in entity.systems.values():
            if context.alive(mapping.system) and mapping.mode != "write":
                found += [_read(context, entity, mapping, feed, full=full, resume=resume) for feed in feeds(mapping)]
    return [read for read in found if _is_listable(context, read)]


def drop_other_feeds(context: Context) -> None:
    """What is read of an object otherwise than before is read from the start. Several entities may read one object."""
    found: dict[tuple[str, str], list[str]] = {}
    for entity in context.mappings.entities.values():
        for mapping in entity.systems.values():
            for feed in feeds(mapping):
                found.setdefault((mapping.system, feed.object), []).append(feed_key(feed))
    with context.store.transaction():
        for (system, name), keys in found.items():
            context.store.keep_cursors(system, name, keys)


def _is_listable(context: Context, read: Read) -> bool:
    can = able(context, read.system.name, read.feed.object)
    return can is not None and can.listable


def _read(
    context: Context, entity: EntityMapping, mapping: SystemMapping, feed: Feed, *, full: bool, resume: bool
) -> Read:
    key = feed_key(feed)
    stored = context.store.cursor(mapping.system, feed.object, key + WALK if full else key)
    cursor = stored if not full or resume else None
    sweep = uuid.uuid4().hex if full else None
    return Read(entity, mapping, context.systems[mapping.system], feed, key, cursor, full or cursor is None, sweep)


def pull(context: Context, wanted: Iterable[Read]) -> list[Pulled]:
    """Pulls the systems side by side into the state; a system that fails is taken out of the run."""
    by_system: dict[str, list[Read]] = {}
    for read in wanted:
        by_system.setdefault(read.system.name, []).append(read)
    if not by_system:
        return []
    fetching = Fetching(context.clock, AHEAD * len(by_system))
    for name, todo in by_system.items():
        fetching.start(name, todo)
    try:
        return _persist(context, fetching)
    finally:
        fetching.close()


def _persist(context: Context, fetching: Fetching) -> list[Pulled]:
    done: dict[tuple[str, str, str], Pulled] = {}
    silence = _Silence(context, len(fetching.reading))
    while fetching.reading:
        item = fetching.take(LOOK_S)
        if item is None:
            context.breathe()
            silence.give_up(fetching)
            continue
        silence.broken()
        if store_fetched(context, fetching, item, done):
            context.breathe()
    return list(done.values())


def store_fetched(
    context: Context, fetching: Fetching, item: Fetched, done: dict[tuple[str, str, str], Pulled]
) -> bool:
    """Stores a page, or takes a system that failed out of the run; whether there was a page."""
    if item.system not in fetching.reading:
        return False
    if item.error is not None:
        _give_up(context, item)
    if item.read is None or item.page is None:
        return False
    read = item.read
    place = (item.system, read.entity.name, read.feed.object)
    rows = done[place].rows if place in done else 0
    save_page(context, read, item.page, last=item.last, asked_at=item.asked_at)
    done[place] = Pulled(read, rows + len(item.page.records), item.page.complete)
    return True


class _Silence:
    """For how long nobody has sent anything."""

    def __init__(self, context: Context, readers: int) -> None:
        self._context = context
        self._readers = readers
        self._since = context.clock.monotonic()

    def broken(self) -> None:
        self._since = self._context.clock.monotonic()

    def give_up(self, fetching: Fetching) -> None:
        """On those whose silence lasts too long, unless there is nobody whom they hold up."""
        if len(fetching.reading) == self._readers:
            return
        silent_s = self._context.clock.monotonic() - self._since
        for name in list(fetching.reading):
            if self._gave_up(name, silent_s):
                fetching.forget(name)

    def _gave_up(self, name: str, silent_s: float) -> bool:
        patience_s = self._context.around.patience_s(name)
        if patience_s is None or silent_s < patience_s:
            return False
        message = f"{name} sent nothing for {patience_s:.0f} seconds and is left out of this run"
        self._context.fail(name, UnreachableError(message, remedy="Its next run waits longer.", system=name))
        return True


def _give_up(context: Context, item: Fetched) -> None:
    if not isinstance(item.error, AbortError):
        assert item.error is not None
        raise item.error
    context.fail(item.system, item.error)


def save_page(context: Context, read: Read, page: Page, *, last: bool = True, asked_at: float | None = None) -> None:
    """Stores one page with its keys, its opt-outs and its cursor, in one transaction.

    Rows that a look for news has dealt with after the page was asked for (``asked_at``, monotonic) are newer in the state: of them
    it is only noted that they are there.
    """
    store = context.store
    task = f"read {read.system.name} {read.feed.object}"
    context.progress.start(task, page.total)
    records, old = context.between.current(read.system.name, page.records, asked_at)
    rows = [as_seen(read.entity, read.mapping, record) for record in records]
    walking = read.full and not last
    if context.touched is not None:
        names = (read.entity.name, read.system.name, read.feed.object)
        context.touched.update((*names, record.id) for record in page.records)
    with store.transaction():
        _suppress(context, read, page.records)
        store.mark_there(read.system.name, read.feed.object, old, read.sweep)
        now = context.clock.now()
        feed = read.key + WALK if walking else read.key
        store.save_page(
            read.entity.name,
            read.system.name,
            read.feed.object,
            feed,
            rows,
            cursor=page.cursor,
            seen_at=now,
            sweep=read.sweep,
        )
        if read.full and last:
            store.drop_cursor(read.system.name, read.feed.object, read.key + WALK)
    context.progress.advance(task, len(page.records), read.system.connector.usage().calls_left)


def as_seen(entity: EntityMapping, mapping: SystemMapping, record: NativeRecord) -> Seen:
    """A row with the match keys it shows, and those that it does not."""
    cells = ((name, mapping.cells.get(name)) for name in entity.match_keys)
    hidden = tuple(name for name, cell in cells if cell is not None and cell.path not in record.values)
    return Seen(record, tuple(keys_of(entity, mapping, record)), hidden)


def keys_of(entity: EntityMapping, mapping: SystemMapping, record: NativeRecord) -> Iterator[tuple[str, str]]:
    """The match keys that a row holds, normalised, in the order of the mapping."""
    for name in entity.match_keys:
        cell = mapping.cells.get(name)
        if cell is None or cell.path not in record.values:
            continue
        value = cell.get(record.values[cell.path], NO_REFS)
        key = None if isinstance(value, Absence) else entity.key_of(name, value)
        if key is not None:
            yield name, key


def address_of(read: Read, record: NativeRecord) -> str | None:
    """The person's address on a row, where the entity has one and the row shows it."""
    name = read.entity.address_field
    cell = read.mapping.cells.get(name) if name else None
    value = cell.get(record.values.get(cell.path), NO_REFS) if cell else None
    return value if isinstance(value, str) else None


def _suppress(context: Context, read: Read, records: Iterable[NativeRecord]) -> None:
    """Opt-outs before everything: an address that is out on any row goes into the ledger with the row."""
    name = read.entity.consent_field
    cell = read.mapping.cells.get(name) if name else None
    if cell is None or not cell.reads:
        return
    out = []
    for record in records:
        if cell.path in record.values and is_opt_out(cell.get(record.values[cell.path], NO_REFS)):
            address = address_of(read, record)
            if address is not None:
                out.append(Suppression(address, read.system.name, f"{read.feed.object} {record.id}"))
    fresh = context.store.suppress(out)
    if fresh:
        context.store.mark_pending_by_key(read.entity.name, read.entity.address_field or "", fresh)

"""The connector over a `MemorySystem`: keeps the promises of `sync.connectors.base`, and fails when it is told to.

A hook is asked before each read and before each row that is written. What it answers (`Trouble`) happens there; a hook
that raises is a process that dies there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from sync.connectors.base import Finding, Suppressed
from sync.connectors.memory.system import MemorySystem, Row, folded
from sync.errors import DriftError, UnreachableError
from sync.model.remote import (
    OLD_ROW_LEFT,
    Capabilities,
    Feed,
    Kind,
    NativeRecord,
    ObjectSchema,
    Outcome,
    Page,
    Receipt,
    Tenant,
    Usage,
    Write,
)
from sync.model.values import Native, is_blank

PASSES_MAX = 4


class Trouble(Enum):
    """What befalls one request, or one row of a write."""

    UNREACHABLE = "unreachable"
    """No byte was sent."""
    THROTTLED = "throttled"
    REJECTED = "rejected"
    LOST = "lost"
    """No answer; it did not happen."""
    DONE = "done"
    """No answer; it happened."""
    LATE = "late"
    """No answer; it happens later."""


Hook = Callable[[str, Write | None], Trouble | None]
"""Asked with what is about to happen (pull, fetch, lookup, push) and, for a push, with the row."""


def no_trouble(_verb: str, _write: Write | None) -> Trouble | None:
    """The hook of good days."""
    return None


class Memory:
    """One system in memory; `gate` and `hook` as above."""

    kind = "memory"

    def __init__(self, name: str, system: MemorySystem, *, gate: Suppressed, hook: Hook = no_trouble) -> None:
        self.name = name
        self.system = system
        self._gate = gate
        self._hook = hook
        self._calls = self._read = self._written = self._gate_refusals = 0

    def identify(self) -> Tenant:
        """Named after the system."""
        self._begin("identify")
        return Tenant(f"memory:{self.name}", self.name)

    def probe(self) -> list[Finding]:
        """All is well in memory."""
        self._begin("probe")
        return [Finding("memory", well=True)]

    def describe(self, object: str) -> ObjectSchema | None:  # noqa: A002 - the contract's word
        """The schema the system was made with. Raises DriftError for an unknown object."""
        if object not in self.system.schemas:
            raise DriftError(f"{self.name} has no {object}", system=self.name)
        return self.system.schemas[object]

    def capabilities(self, object: str) -> Capabilities:  # noqa: A002 - the contract's word
        """As the traits say. Raises DriftError for an unknown object."""
        schema = self.describe(object)
        traits = self.system.traits
        return Capabilities(
            creatable=traits.creatable,
            deletable=traits.deletable,
            listable=traits.listable,
            tombstones=traits.tombstones,
            sparse=False,
            lookup_paths=traits.lookup_paths,
            repeatable_create=traits.external_ids or traits.natural_key is not None,
            repeatable_by_key=traits.natural_key is not None,
            returns_record=traits.returns_record,
            conditional_update=traits.conditional_update,
            clearable=traits.clearable,
            batch_size=traits.batch_size,
            journal_size=traits.journal_size,
            fetch_size=traits.batch_size,
            day_granular=traits.day_granular,
            horizon_s=traits.horizon_s,
            lengths=schema.lengths() if schema is not None else {},
        )

    # reading ---------------------------------------------------------------------------------------------------------

    def pull(self, feed: Feed, cursor: str | None, *, full: bool = False) -> Iterator[Page]:
        """By change time from the cursor on, or everything by id; a walk that was broken off is gone on with."""
        place = json.loads(cursor) if cursor is not None else {}
        if self.system.traits.drifts and (full or "since" not in place):
            yield from self._passes(feed)
        elif full or "since" not in place:
            yield from self._walk(feed, str(place.get("walk", "")), place.get("began"))
        else:
            yield from self._changes(feed, datetime.fromisoformat(place["since"]))

    def _walk(self, feed: Feed, after: str, began: str | None) -> Iterator[Page]:
        whole, began = not after, began or self.system.clock.now().isoformat()
        while True:
            self._begin("pull", feed)
            rows = sorted((row for row in self._shown(feed) if row.id > after), key=lambda row: row.id)
            page, rest = rows[: self.system.traits.page_size], rows[self.system.traits.page_size :]
            if not rest:
                yield Page(self._records(feed, page), json.dumps({"since": began}), complete=whole)
                return
            after = page[-1].id
            yield Page(self._records(feed, page), json.dumps({"walk": after, "began": began}))

    def _passes(self, feed: Feed) -> Iterator[Page]:
        """By page number: repeated until two passes show the same rows; what is absent proves nothing all the same."""
        began, before = self.system.clock.now().isoformat(), None
        for _ in range(PASSES_MAX):
            ids: set[str] = set()
            for page in self._numbered(feed):
                ids |= {row.id for row in page}
                yield Page(self._records(feed, page))
            if ids == before:
                break
            before = ids
        yield Page((), json.dumps({"since": began}))

    def _numbered(self, feed: Feed) -> Iterator[list[Row]]:
        size, start = self.system.traits.page_size, 0
        while True:
            self._begin("pull", feed)
            rows = sorted(self._shown(feed), key=lambda row: (row.changed_at, row.id), reverse=True)
            yield rows[start : start + size]
            start += size
            if start >= len(rows):
                return

    def _changes(self, feed: Feed, since: datetime) -> Iterator[Page]:
        """Rows from the cursor on, the overlap and rows of the same time once more; the cursor never runs ahead of the clock."""
        size, seen = self.system.traits.page_size, set[tuple[datetime, str]]()
        floor = self._floor(since)
        while True:
            self._begin("pull", feed)
            rows = [
                row for row in self._shown(feed) if row.changed_at >= floor and (row.changed_at, row.id) not in seen
            ]
            rows.sort(key=lambda row: (row.changed_at, row.id))
            page, rest = rows[:size], rows[size:]
            seen |= {(row.changed_at, row.id) for row in page}
            since = max([since, *(row.changed_at for row in page)])
            yield Page(self._records(feed, page), json.dumps({"since": since.isoformat()}))
            if not rest:
                return

    def _floor(self, since: datetime) -> datetime:
        floor = since - timedelta(seconds=self.system.traits.overlap_s)
        return _day(floor) if self.system.traits.day_granular else floor

    def _shown(self, feed: Feed) -> list[Row]:
        now, tombstones = self.system.clock.now(), self.system.traits.tombstones
        rows = self.system.tables[feed.object].values()
        return [row for row in rows if row.shown_at <= now and (tombstones or not row.deleted)]

    def fetch(self, feed: Feed, ids: Sequence[str]) -> Mapping[str, NativeRecord | None]:
        """By id; a deleted row is None, or its tombstone where the system has such."""
        self._begin("fetch", feed)
        found: dict[str, NativeRecord | None] = {}
        for key in ids:
            row = self.system.tables[feed.object].get(key)
            gone = row is None or (row.deleted and not self.system.traits.tombstones)
            found[key] = None if row is None or gone else self._record(feed, row)
        self._read += sum(record is not None for record in found.values())
        return found

    def lookup(self, feed: Feed, path: str, values: Sequence[Native]) -> Mapping[str, tuple[NativeRecord, ...]]:
        """Live rows by value. The index lags like the feed."""
        if path not in self.system.traits.lookup_paths:
            raise DriftError(f"{self.name} {feed.object} cannot be looked up by {path}", system=self.name)
        self._begin("lookup", feed)
        now = self.system.clock.now()
        return {
            str(value): self._records(
                feed, [row for row in self.system.holders(feed.object, path, value) if row.shown_at <= now]
            )
            for value in values
        }

    def _records(self, feed: Feed, rows: Sequence[Row]) -> tuple[NativeRecord, ...]:
        self._read += len(rows)
        return tuple(self._record(feed, row) for row in rows)

    def _record(self, feed: Feed, row: Row) -> NativeRecord:
        values = {path: row.values[path] for path in feed.paths if path in row.values}
        by_us = row.by_us if self.system.traits.tells_author else None
        return NativeRecord(
            feed.object,
            row.id,
            values,
            str(row.version),
            self._time(row.changed_at),
            row.created_at,
            deleted=row.deleted,
            merged_into=row.merged_into,
            by_us=by_us,
        )

    def _time(self, at: datetime) -> datetime:
        return _day(at) if self.system.traits.day_granular else at

    # writing ---------------------------------------------------------------------------------------------------------

    def journal_size(self, object: str, pending: int) -> int:  # noqa: A002, ARG002
        """As the traits say."""
        return max(1, min(self.system.traits.journal_size, pending))

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """Row by row; raises only before the first row was sent."""
        receipts: list[Receipt] = []
        for number, write in enumerate(writes):
            self._calls += number % self.system.traits.batch_size == 0
            self.system.catch_up()
            trouble = self._hook("push", write)
            if trouble is Trouble.UNREACHABLE and not receipts:
                raise UnreachableError(f"{self.name} does not answer", system=self.name)
            receipts.append(self._one(write, trouble))
        self._written += sum(receipt.outcome is Outcome.ACKED for receipt in receipts)
        return receipts

    def _one(self, write: Write, trouble: Trouble | None) -> Receipt:
        refused = self._refused(write)
        if refused is not None:
            return refused
        if trouble in (Trouble.UNREACHABLE, Trouble.THROTTLED):
            return _receipt(write, Outcome.THROTTLED, "BUSY")
        if (moved := self._moved(write)) is not None:
            return moved
        if trouble is Trouble.REJECTED:
            return _receipt(write, Outcome.REJECTED, "REFUSED", fields=tuple(sorted(write.values)))
        if trouble is Trouble.LATE:
            self.system.later(lambda: self._apply(write))
        elif trouble is not Trouble.LOST:
            done = self._apply(write)
            return _receipt(write, Outcome.DOUBT, "TIMEOUT") if trouble is Trouble.DONE else done
        return _receipt(write, Outcome.DOUBT, "TIMEOUT")

    def _refused(self, write: Write) -> Receipt | None:
        """What is not sent at all: the last gate."""
        opts_in = any(write.values.get(path) in words for path, words in self.system.traits.opt_ins.items())
        if opts_in and (not write.address or self._gate(write.address)):
            self._gate_refusals += 1
            return _receipt(write, Outcome.REJECTED, "SUPPRESSED")
        return None

    def _moved(self, write: Write) -> Receipt | None:
        """The look before a conditional update: what is not as expected is told, and not written."""
        row = self.system.row(write.object, write.remote_id or "")
        if not self.system.traits.conditional_update or row is None:
            return None
        if all(row.values.get(path, value) == value for path, value in write.expected.items()):
            return None
        return replace(self._acked(write, row), outcome=Outcome.MOVED, values=dict(row.values), error="MOVED")

    def _apply(self, write: Write) -> Receipt:
        """What the server does."""
        if write.kind is Kind.CREATE:
            return self._create(write)
        row = self.system.row(write.object, write.remote_id or "")
        if row is None:
            return _receipt(write, Outcome.GONE, "NOT_FOUND")
        if write.kind is Kind.DELETE:
            self.system.delete(write.object, row.id, by_us=True)
            return Receipt(write.number, Outcome.ACKED, row.id)
        return self._update(write, row)

    def _update(self, write: Write, row: Row) -> Receipt:
        wrong = self.system.refusal(write.object, write.values, creating=False)
        if wrong is not None:
            return _receipt(write, Outcome.REJECTED, wrong[0], fields=(wrong[1],))
        if self._is_another_key(write, row):
            return self._under_another_key(write, row)
        self.system.edit(write.object, row.id, write.values, by_us=True)
        return self._acked(write, row)

    def _is_another_key(self, write: Write, row: Row) -> bool:
        traits = self.system.traits
        key = write.values.get(traits.natural_key or "")
        return traits.new_key_new_row and key is not None and folded(key) != folded(row.values[str(traits.natural_key)])

    def _under_another_key(self, write: Write, row: Row) -> Receipt:
        """The row under the new key, with the values of the old one where it has none, and opted out where that one was."""
        path = str(self.system.traits.natural_key)
        there = next(iter(self.system.holders(write.object, path, write.values[path])), None)
        if there is None:
            made = self.system.create(write.object, {**row.values, **write.values}, made_by=write.record)
            return replace(self._acked(write, self.system.tables[write.object][made], created=True), error=OLD_ROW_LEFT)
        blanks = {p: v for p, v in row.values.items() if is_blank(there.values.get(p)) and not is_blank(v)}
        outs = {p: row.values[p] for p, ins in self.system.traits.opt_ins.items() if there.values.get(p) in ins}
        self.system.edit(write.object, there.id, {**blanks, **outs, **write.values}, by_us=True)
        return replace(self._acked(write, there), error=OLD_ROW_LEFT)

    def _create(self, write: Write) -> Receipt:
        values = {**write.values, **({write.external_id: write.record} if write.external_id else {})}
        there, upserts = self._holder(write)
        if there is not None:
            return self._update(write, there) if upserts else _receipt(write, Outcome.MOVED, "EXISTS", there.id)
        wrong = self.system.refusal(write.object, values, creating=True)
        if wrong is not None:
            return _receipt(write, Outcome.REJECTED, wrong[0], fields=(wrong[1],))
        row = self.system.tables[write.object][self.system.create(write.object, values, made_by=write.record)]
        return self._acked(write, row, created=True)

    def _holder(self, write: Write) -> tuple[Row | None, bool]:
        """The row that a create would be a second of, and whether it is updated instead."""
        traits = self.system.traits
        keys: list[tuple[str | None, Native, bool]]
        keys = [(write.external_id if traits.external_ids else None, write.record, True)]
        keys += [(path, write.values.get(path or ""), upserts) for path, upserts in self._keys()]
        for path, value, upserts in keys:
            found = self.system.holders(write.object, path, value) if path and value is not None else []
            if found:
                return found[0], upserts
        return None, False

    def _keys(self) -> tuple[tuple[str | None, bool], ...]:
        return (self.system.traits.natural_key, True), (self.system.traits.unique_key, False)

    def _acked(self, write: Write, row: Row, *, created: bool = False) -> Receipt:
        values = dict(row.values) if self.system.traits.returns_record else None
        version, at = str(row.version), self._time(row.changed_at)
        return Receipt(write.number, Outcome.ACKED, row.id, created, values, version, at)

    # the rest --------------------------------------------------------------------------------------------------------

    def usage(self) -> Usage:
        """Calls made; nothing is ever used up."""
        return Usage(self._calls, self._read, self._written, gate_refusals=self._gate_refusals)

    def close(self) -> None:
        """Nothing to give back."""

    def _begin(self, verb: str, feed: Feed | None = None) -> None:
        """One request that reads."""
        if feed is not None and feed.object not in self.system.tables:
            raise DriftError(f"{self.name} has no {feed.object}", system=self.name)
        self._calls += 1
        self.system.catch_up()
        if self._hook(verb, None) is not None:
            raise UnreachableError(f"{self.name} does not answer", system=self.name)


def _day(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


def _receipt(
    write: Write, outcome: Outcome, error: str, remote_id: str | None = None, *, fields: tuple[str, ...] = ()
) -> Receipt:
    blamed = f" {', '.join(fields)}" if fields else ""
    return Receipt(
        write.number, outcome, remote_id or write.remote_id, error=error, message=f"{error}{blamed}", fields=fields
    )

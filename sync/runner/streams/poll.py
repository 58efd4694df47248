"""Polled streams: rows that are asked for and become events.

Each poll reads everything of the last days again: the filter is a date in a zone that nobody documents, and rows may become
visible late. What is older than the floor is history and never an event; what is younger and was received before is known to the
inbox, which forgets an event only once it is below the floor.

Crash: the floor moves only after the last page, when every row above it is in the inbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from sync.errors import AbortError, DriftError
from sync.mapping.vendors import POLLED
from sync.model.remote import Feed, NativeRecord, Page
from sync.runner.context import Context

FIRST_LOOK: Final = timedelta(days=1)
"""How far back the first poll of a stream reaches: what happened before is history."""
LOOK_BACK: Final = timedelta(days=2)
_ZONE: Final = timedelta(days=1)
_ALWAYS: Final = ("created_at", "email", "contact_id", "account_id", "company")
"""What tells when it was and who it is about."""


@dataclass(slots=True)
class Polled:
    """What polling came to: rows read by system, systems that failed with the reason, and what a person should know."""

    read: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def floor_key(system: str, stream: str) -> str:
    """Where the state keeps the floor of a stream."""
    return f"floor:{system}:{stream}"


def floor_of(context: Context, system: str, stream: str) -> datetime:
    """Rows that came to be before then are no events."""
    noted = context.store.get_meta(floor_key(system, stream))
    return datetime.fromisoformat(noted) if noted else context.clock.now() - FIRST_LOOK


def poll(context: Context) -> Polled:
    """Receives what is new in every stream that a route begins with and that is asked for."""
    polled = Polled()
    for (system, stream), reads in sorted(_wanted(context).items()):
        try:
            polled.read[system] = polled.read.get(system, 0) + _Poll(context, system, stream, reads, polled).run()
        except AbortError as error:
            polled.failed[system] = error.message
    return polled


def _wanted(context: Context) -> dict[tuple[str, str], frozenset[str]]:
    """(system, stream) -> the columns that its routes read."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for route in context.mappings.routes:
        system = context.systems.get(route.system)
        if system is not None and route.stream in POLLED.get(system.kind, ()) and context.alive(system.name):
            place = (route.system, route.stream)
            found[place] = found.get(place, frozenset()) | route.reads
    return found


@dataclass(frozen=True, slots=True)
class _Poll:
    context: Context
    system: str
    stream: str
    reads: frozenset[str]
    polled: Polled

    def run(self) -> int:
        """Receives all that is new; how many rows were read."""
        began, floor = self.context.clock.now(), floor_of(self.context, self.system, self.stream)
        since = (floor - _ZONE).date().isoformat()
        feed = Feed(self.stream, tuple(sorted({*_ALWAYS, *self.reads} - {"id"})), params={"created_after": since})
        try:
            return self._walk(feed, floor, began)
        except DriftError:  # this revision has no such filter
            return self._walk(replace(feed, params={}), floor, began)

    def _walk(self, feed: Feed, floor: datetime, began: datetime) -> int:
        count = undated = 0
        page: Page | None = None
        for page in self.context.systems[self.system].connector.pull(feed, None, full=True):
            count += len(page.records)
            rows = [row for row in page.records if not row.deleted]
            undated += sum(row.created_at is None for row in rows)
            self._receive(feed, [row for row in rows if row.created_at is not None and row.created_at >= floor])
        if undated:
            self.polled.notes.append(f"{undated} {self.stream} of {self.system} tell no time and were left out")
        if page is not None and page.cursor is not None:
            above = max(floor, began - LOOK_BACK)
            self.context.store.set_meta(floor_key(self.system, self.stream), above.isoformat())
        return count

    def _receive(self, feed: Feed, rows: Sequence[NativeRecord]) -> None:
        store = self.context.store
        known = store.known_events(self.system, [row.id for row in rows])
        fresh = self._whole(feed, [row for row in rows if row.id not in known])
        with store.transaction():
            for row in fresh:
                if not self._is_of_forgotten(row):
                    store.receive(self.system, row.id, self.stream, _body(self.stream, row))

    def _whole(self, feed: Feed, rows: Sequence[NativeRecord]) -> list[NativeRecord]:
        """The rows with what only a single one shows (apis/abmatic-conversion-letrics.md 1.2: page views)."""
        partial = [row.id for row in rows if not self.reads - {"id"} <= row.values.keys()]
        if not partial:
            return list(rows)
        found = self.context.systems[self.system].connector.fetch(feed, partial)
        return [_joined(row, found.get(row.id)) for row in rows]

    def _is_of_forgotten(self, row: NativeRecord) -> bool:
        texts = {text for text in _texts(row.values) if "@" in text}
        return bool(self.context.store.forgotten(texts))


def _joined(row: NativeRecord, single: NativeRecord | None) -> NativeRecord:
    return row if single is None else replace(row, values={**row.values, **single.values})


def _body(stream: str, row: NativeRecord) -> str:
    at = row.created_at.isoformat() if row.created_at else None
    return orjson.dumps({"event": stream, "timestamp": at, "data": {"id": row.id, **row.values}}).decode()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping | list):
        return [text for each in (value.values() if isinstance(value, Mapping) else value) for text in _texts(each)]
    return []

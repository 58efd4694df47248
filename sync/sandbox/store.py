"""The rows of one emulated vendor, with enough memory to answer from the past and to commit late.

Rows are replaced whole and never changed in place: that is what makes rewinding cheap.
Not thread-safe: the server calls a vendor under that vendor's lock.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sync.sandbox.clock import Clock

Row = dict[str, Any]
Watcher = Callable[[str, "Row | None", "Row | None"], None]
"""Called with (id, row before, row after) on every change; keeps an index."""

HISTORY_MAX = 200_000


class Store:
    """Tables of rows by id, in insertion order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tables: dict[str, dict[str, Row]] = {}
        self._watchers: dict[str, list[Watcher]] = {}
        self._history: deque[tuple[float, str, str, Row | None]] = deque(maxlen=HISTORY_MAX)
        self._held: list[tuple[float, int, str, str, Row | None]] = []
        self._order = itertools.count()
        self._late_s = 0.0
        self.rewinding = False
        """Whether the change a watcher is told of is only the past put back, not something that happened."""

    def table(self, name: str) -> dict[str, Row]:
        """All visible rows of one object by id; to read, never to change."""
        return self._tables.setdefault(name, {})

    def get(self, name: str, row_id: str) -> Row | None:
        """One visible row."""
        return self.table(name).get(row_id)

    def put(self, name: str, row_id: str, row: Row) -> None:
        """Inserts or replaces a row (inside `late`: when its time comes)."""
        self._change(name, row_id, row)

    def drop(self, name: str, row_id: str) -> None:
        """Removes a row for good, without a tombstone."""
        self._change(name, row_id, None)

    def watch(self, name: str, watcher: Watcher) -> None:
        """Registers an index; it is told of every row already there."""
        for row_id, row in self.table(name).items():
            watcher(row_id, None, row)
        self._watchers.setdefault(name, []).append(watcher)

    def names(self) -> list[str]:
        """Objects that have a table."""
        return list(self._tables)

    def release(self) -> None:
        """Makes visible what `late` held back and is due; the server calls it before every request."""
        now = self._clock.elapsed()
        while self._held and self._held[0][0] <= now:
            _, _, name, row_id, row = heapq.heappop(self._held)
            self._commit(name, row_id, row)

    @contextmanager
    def late(self, seconds: float) -> Iterator[None]:
        """Changes made inside become visible only `seconds` later, with the stamps they were given now."""
        self._late_s = seconds
        try:
            yield
        finally:
            self._late_s = 0.0

    @contextmanager
    def rewound(self, seconds: float) -> Iterator[None]:
        """Inside, every row is as it was `seconds` ago (at most `HISTORY_MAX` changes back). Reads only."""
        since = self._clock.elapsed() - seconds
        recent = list(itertools.takewhile(lambda change: change[0] > since, reversed(self._history)))
        present = {(name, row_id): self.get(name, row_id) for _, name, row_id, _ in recent}
        self.rewinding = True
        for _, name, row_id, before in recent:
            self._set(name, row_id, before)
        try:
            yield
        finally:
            for (name, row_id), row in reversed(present.items()):
                self._set(name, row_id, row)
            self.rewinding = False

    def _change(self, name: str, row_id: str, row: Row | None) -> None:
        if self._late_s:
            due = self._clock.elapsed() + self._late_s
            heapq.heappush(self._held, (due, next(self._order), name, row_id, row))
        else:
            self._commit(name, row_id, row)

    def _commit(self, name: str, row_id: str, row: Row | None) -> None:
        self._history.append((self._clock.elapsed(), name, row_id, self.get(name, row_id)))
        self._set(name, row_id, row)

    def _set(self, name: str, row_id: str, row: Row | None) -> None:
        table = self.table(name)
        before = table.get(row_id)
        if row is None:
            table.pop(row_id, None)
        else:
            table[row_id] = row
        for watcher in self._watchers.get(name, ()):
            watcher(row_id, before, row)

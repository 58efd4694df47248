"""Indexes of one object's rows: by id, by (SystemModstamp, Id), and by the text of looked-up fields.

Ordered indexes only ever gain entries; one that no longer matches its row is skipped when read, and all are rebuilt
when the dead outnumber the living. That makes a write cheap at any size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from sync.sandbox.store import Row

Key = TypeVar("Key", str, tuple[int, str])
Stamped = tuple[int, str]
SLACK = 1000


class Ordered(Generic[Key]):
    """Keys in order; additions wait unsorted until somebody reads."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._fresh: list[Key] = []

    def __len__(self) -> int:
        return len(self._keys) + len(self._fresh)

    def add(self, key: Key) -> None:
        """Adds a key; one already there may be added again."""
        if not self._fresh and (not self._keys or key > self._keys[-1]):
            self._keys.append(key)
        else:
            self._fresh.append(key)

    def replace(self, keys: list[Key]) -> None:
        """Starts over with these keys."""
        self._keys = sorted(keys)
        self._fresh = []

    def between(self, low: Key | None, high: Key | None, *, backwards: bool = False) -> Iterator[Key]:
        """Distinct keys with low <= key < high, in order or backwards."""
        self._settle()
        keys = self._keys
        start = 0 if low is None else bisect_left(keys, low)
        end = len(keys) if high is None else bisect_left(keys, high)
        before = None
        for at in range(end - 1, start - 1, -1) if backwards else range(start, end):
            key = keys[at]
            if key != before:
                yield key
            before = key

    def _settle(self) -> None:
        """Sorts the additions in; only the tail that they reach into is touched, which new stamps keep short."""
        if not self._fresh:
            return
        self._fresh.sort()
        at = bisect_left(self._keys, self._fresh[0])
        tail = self._keys[at:] + self._fresh
        tail.sort()
        self._keys[at:] = tail
        self._fresh = []


class Equal:
    """Row ids by the text of one field, in any case; most texts have one row, kept without a container."""

    def __init__(self) -> None:
        self._ids: dict[str, str | dict[str, None]] = {}

    def add(self, text: str, row_id: str) -> None:
        """Notes that the row has this text."""
        low = text.lower()
        held = self._ids.setdefault(low, row_id)
        if isinstance(held, dict):
            held[row_id] = None
        elif held != row_id:
            self._ids[low] = {held: None, row_id: None}

    def remove(self, text: str, row_id: str) -> None:
        """Forgets it."""
        low = text.lower()
        held = self._ids.get(low)
        if isinstance(held, dict):
            held.pop(row_id, None)
        elif held == row_id:
            del self._ids[low]

    def ids(self, text: str) -> list[str]:
        """Ids of the rows with this text in any case, deleted rows too."""
        held = self._ids.get(text.lower())
        return [] if held is None else [held] if isinstance(held, str) else list(held)


class TableIndex:
    """All indexes of one object; `changed` is the store's watcher."""

    def __init__(self, rows: Callable[[], dict[str, Row]], looked_up: list[str]) -> None:
        self._rows = rows
        self._ids: Ordered[str] = Ordered()
        self._stamps: Ordered[Stamped] = Ordered()
        self._equal = {name: Equal() for name in looked_up}
        self._pairs = list(self._equal.items())

    def changed(self, row_id: str, before: Row | None, after: Row | None) -> None:
        """Keeps up with one change of the store."""
        if after is not None:
            if before is None:
                self._ids.add(row_id)
            self._stamps.add((after["SystemModstamp"], row_id))
        for name, index in self._pairs:
            old = None if before is None else before.get(name)
            new = None if after is None else after.get(name)
            if old != new:
                if old is not None:
                    index.remove(old, row_id)
                if new is not None:
                    index.add(new, row_id)

    def covers(self, name: str) -> bool:
        """Whether rows can be looked up by this field's text."""
        return name in self._equal

    def equal(self, name: str, text: str) -> list[Row]:
        """Rows, deleted ones too, whose field has this text in any case."""
        rows = self._rows()
        return [rows[row_id] for row_id in self._equal[name].ids(text) if row_id in rows]

    def by_stamp(self, low: int | None = None, high: int | None = None, *, backwards: bool = False) -> Iterator[Row]:
        """Rows with low <= SystemModstamp < high in the order (SystemModstamp, Id)."""
        rows = self._rows()
        if len(self._stamps) > 2 * len(rows) + SLACK:
            self._stamps.replace([(row["SystemModstamp"], row_id) for row_id, row in rows.items()])
        ends = (None if low is None else (low, ""), None if high is None else (high, ""))
        for stamp, row_id in self._stamps.between(*ends, backwards=backwards):
            row = rows.get(row_id)
            if row is not None and row["SystemModstamp"] == stamp:
                yield row

    def by_id(self, low: str | None = None, high: str | None = None, *, backwards: bool = False) -> Iterator[Row]:
        """Rows with low <= Id < high in the order of Id."""
        rows = self._rows()
        if len(self._ids) > 2 * len(rows) + SLACK:
            self._ids.replace(list(rows))
        for row_id in self._ids.between(low, high, backwards=backwards):
            row = rows.get(row_id)
            if row is not None:
                yield row

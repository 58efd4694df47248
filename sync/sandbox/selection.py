"""Remembers which rows a query selects, so that a walk over many pages filters once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sync.sandbox.store import Row, Store

REMEMBERED_MAX = 16

T = TypeVar("T")


class Selection(Generic[T]):
    """Lists of ids by query, forgotten as soon as any of the watched tables changes."""

    def __init__(self, store: Store, tables: tuple[str, ...]) -> None:
        self._lists: OrderedDict[Hashable, list[T]] = OrderedDict()
        for table in tables:
            store.watch(table, self._forget)

    def ids(self, query: Hashable, select: Callable[[], list[T]]) -> list[T]:
        """The ids that ``select`` found for ``query``; to read, never to change."""
        if query not in self._lists:
            self._lists[query] = select()
            if len(self._lists) > REMEMBERED_MAX:
                self._lists.popitem(last=False)
        return self._lists[query]

    def _forget(self, _: str, __: Row | None, ___: Row | None) -> None:
        self._lists.clear()


class Numbers:
    """The numeric ids of one table in ascending order."""

    def __init__(self, store: Store, table: str) -> None:
        self.sorted: list[int] = []
        store.watch(table, self._follow)

    def _follow(self, row_id: str, before: Row | None, after: Row | None) -> None:
        number = int(row_id)
        if before is None and after is not None:
            insort(self.sorted, number)
        elif before is not None and after is None:
            del self.sorted[bisect_left(self.sorted, number)]

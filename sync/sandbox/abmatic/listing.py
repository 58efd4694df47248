"""The order in which Abmatic's lists give their rows, and the cutting of pages.

Order is that of an unsorted table: a changed row moves to the end and the last row takes its place; so does the last
row when one is deleted. Pages drift under a reader, as page numbers without a sort do (fact sheet, trap T-A1).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from math import ceil
from typing import Any

from sync.sandbox.abmatic.settings import Settings
from sync.sandbox.clock import Clock
from sync.sandbox.store import Row, Store

Test = Callable[[Row], bool]
KEPT_MAX = 8


class Listing:
    """Row ids of one object in list order.

    A page costs no more than its own length; a filter costs one pass over the rows, again only after a row changed.
    """

    def __init__(self, store: Store, name: str, clock: Clock, settings: Settings) -> None:
        self._store, self._name, self._clock, self._settings = store, name, clock, settings
        self._ids: list[str] = []
        self._place: dict[str, int] = {}
        self._unindexed: deque[tuple[float, str]] = deque()
        self._kept: OrderedDict[Any, list[str]] = OrderedDict()
        self.over_api = False
        """Whether the change under way comes over the API: such new rows reach the lists late."""
        store.watch(name, self._changed)

    def ids(self) -> list[str]:
        """All listed ids, in order; to read, never to change."""
        self._index_what_is_due()
        return self._ids

    def has(self, row_id: str) -> bool:
        """Whether the lists show this row by now."""
        self._index_what_is_due()
        return row_id in self._place

    def matching(self, key: Any, test: Test | None) -> list[str]:
        """Ids of the rows that pass; the answer is kept under `key` until a row changes."""
        if test is None:
            return self.ids()
        ids = self.ids()
        if key not in self._kept:
            table = self._store.table(self._name)
            self._kept[key] = [row_id for row_id in ids if test(table[row_id])]
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _changed(self, row_id: str, before: Row | None, after: Row | None) -> None:
        self._kept.clear()
        if after is None:
            self._remove(row_id)
        elif before is None:
            self._add(row_id)
        elif row_id in self._place and self._settings.page_order == "heap" and not self._store.rewinding:
            self._remove(row_id)
            self._append(row_id)

    def _add(self, row_id: str) -> None:
        if self.over_api and self._settings.index_lag_s and not self._store.rewinding:
            self._unindexed.append((self._clock.elapsed() + self._settings.index_lag_s, row_id))
        else:
            self._append(row_id)

    def _append(self, row_id: str) -> None:
        self._place[row_id] = len(self._ids)
        self._ids.append(row_id)

    def _remove(self, row_id: str) -> None:
        place = self._place.pop(row_id, None)
        if place is None:
            return
        if self._settings.page_order == "insertion":
            del self._ids[place]
            self._place = {known: at for at, known in enumerate(self._ids)}
            return
        last = self._ids.pop()
        if last != row_id:
            self._ids[place] = last
            self._place[last] = place

    def _index_what_is_due(self) -> None:
        now = self._clock.elapsed()
        while self._unindexed and self._unindexed[0][0] <= now:
            row_id = self._unindexed.popleft()[1]
            if row_id not in self._place and self._store.get(self._name, row_id) is not None:
                self._append(row_id)
                self._kept.clear()


def page_of(ids: list[str], page: int, per_page: int) -> tuple[list[str], dict[str, int]]:
    """One page of ids and the ``pagination`` block; past the end the page is empty."""
    start = (page - 1) * per_page
    block = {"total": len(ids), "page": page, "per_page": per_page, "total_pages": ceil(len(ids) / per_page)}
    return ids[start : start + per_page], block

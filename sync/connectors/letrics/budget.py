"""How much may be read: pages of one pull, and records of one day (the vendor bills by the record, as far as is known; T-L11).

Crash paragraph: the count of a day is kept in the cursors, which are stored with the rows that they count; a new process adds them up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from sync.connectors.letrics.place import spent_on


class Budget:
    """Shared by all pulls of one connector. ``daily`` None: no limit."""

    def __init__(self, daily: int | None, pages_max: int, cursors: Iterable[str] = ()) -> None:
        self.daily = daily
        self.pages_max = pages_max
        self._spent = spent_on(cursors)
        self._lock = threading.Lock()

    def learn(self, day: str, name: str, rows: int) -> None:
        """A cursor tells what an object had cost on a day."""
        with self._lock:
            self._spent[day, name] = max(self._spent.get((day, name), 0), rows)

    def spend(self, day: str, name: str, rows: int) -> int:
        """Counts rows that were read; the day's count of the object."""
        with self._lock:
            self._spent[day, name] = self._spent.get((day, name), 0) + rows
            return self._spent[day, name]

    def left(self, day: str) -> int | None:
        """Records that may still be read on a day; None: no limit."""
        if self.daily is None:
            return None
        with self._lock:
            return max(0, self.daily - sum(rows for (on, _), rows in self._spent.items() if on == day))

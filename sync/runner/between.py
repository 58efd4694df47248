"""What a long run and the looks for news within it (`live`) know of each other, so that neither undoes the other's work.

Both work on the thread that owns the state, in turns; only calls to systems are under way meanwhile. A record is either the long
run's (a write of it is sent, and not yet settled), and then looks leave it alone; or a look may have it, and then what the long run had
planned for it is taken back, and what the long run had asked for before is old.

Crash: nothing here outlives the process. A plan that was taken back leaves its record pending.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.model.record import Journalled
from sync.model.remote import NativeRecord

if TYPE_CHECKING:
    from sync.runner.lingering import Lingering

Row = tuple[str, str, str]
"""System, object, remote id."""


@dataclass(slots=True)
class Between:
    """Of one long run.

    ``taken``: how many of its operations looks have taken back since it last planned. ``left``: by entity, number and id of
    the records that the last look could not bring to their end. ``lingering``: the readers of its looks.
    """

    taken: int = 0
    left: dict[str, dict[int, str]] = field(default_factory=dict)
    lingering: Lingering | None = None
    _carried: dict[Row, float] = field(default_factory=dict)
    _under_way: dict[int, str] = field(default_factory=dict)

    def begin(self, rows: Iterable[Journalled]) -> None:
        """These writes are sent."""
        for row in rows:
            self._under_way[row.number] = row.operation.record

    def end(self, rows: Iterable[Journalled]) -> None:
        """These are settled, or known not to be."""
        for row in rows:
            self._under_way.pop(row.number, None)

    def busy(self) -> frozenset[str]:
        """The ids of the records that are the long run's."""
        return frozenset(self._under_way.values())

    def carried(self, rows: Iterable[Row], at: float) -> None:
        """A look has dealt with the records of these rows, until then (monotonic seconds)."""
        self._carried.update(dict.fromkeys(rows, at))

    def current(
        self, system: str, records: Sequence[NativeRecord], asked_at: float | None
    ) -> tuple[list[NativeRecord], list[str]]:
        """The records that show what is known or newer, and the ids of the others: the next look reads those again."""
        if asked_at is None or not self._carried:
            return list(records), []
        old = [r.id for r in records if self._carried.get((system, r.object, r.id), asked_at) > asked_at]
        return [r for r in records if r.id not in set(old)], old

    def close(self) -> None:
        """The long run is over."""
        if self.lingering is not None:
            self.lingering.close()
            self.lingering = None

"""What people look back at: records by part of a word, opt-outs and how long each took, how full the inbox is. Only reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sync.state.documents import (
    Moments,
    dump,
    load_cells,
    load_changes,
    load_turns,
    load_values,
    moment,
    moment_or_none,
    stamp,
)
from sync.state.door import Door
from sync.state.rows import Delivery, Waiting

_PARTLY: Final = (
    "SELECT number, id, cells FROM record WHERE entity = ? AND status = 'live' AND number > ?"
    " AND instr(lower(cells), ?) > 0 ORDER BY number LIMIT ?"
)
_BATCH: Final = 500
_LOOKED_MAX: Final = 20_000
"""A word that stands in every document (a system's name) is looked for in so many of them."""

_SAID: Final = (
    "SELECT t.run, t.record, t.at, t.turns, r.cells FROM run CROSS JOIN turn AS t ON t.run = run.run"
    " LEFT JOIN record AS r ON r.id = t.record"
    " WHERE run.started_at >= ? AND instr(t.turns, ?) > 0 ORDER BY t.number DESC LIMIT ?"
)
_DELIVERED: Final = (
    "SELECT system, status, finished_at, changes FROM operation WHERE record = ? AND planned_at >= ? ORDER BY number"
)
_OPEN: Final = "SELECT (SELECT count(*) FROM conflict WHERE closed_at IS NULL), (SELECT count(*) FROM quarantine)"
_INBOX: Final = "SELECT count(*), min(received_at) FROM inbox WHERE handled_at IS NULL"


class History(Door):
    """Questions of the dashboard that no other topic answers."""

    def matching(self, entity: str, text: str, limit: int) -> list[str]:
        """Ids of live records that have a value with this text in it (in any case), oldest first."""
        wanted, after, looked = text.strip().lower(), 0, 0
        found: list[str] = []
        while wanted and len(found) < limit and looked < _LOOKED_MAX:
            rows = self._rows(_PARTLY, entity, after, dump(wanted)[1:-1], _BATCH)
            found += [name for _, name, cells in rows if _has(load_values(cells).values(), wanted)]
            if len(rows) < _BATCH:
                break
            after, looked = rows[-1][0], looked + len(rows)
        return found[:limit]

    def deliveries(self, fields: Sequence[str], value: str, since: datetime, limit: int = 500) -> list[Delivery]:
        """Turns of one of these fields to a value in runs since then, newest first, with where it has arrived meanwhile."""
        rows = self._rows(_SAID, stamp(since), dump(value), limit)
        found = []
        for run, record, at, turns, cells in rows:
            field = next((t.field for t in load_turns(turns) if t.field in fields and t.after == value), None)
            if field is not None:
                found.append(self._delivery(run, record, field, at, cells))
        return found

    def _delivery(self, run: str, record: str, field: str, at: int, cells: str | None) -> Delivery:
        arrived: dict[str, datetime] = {}
        waiting: set[str] = set()
        for system, status, finished_at, changes in self._rows(_DELIVERED, record, at):
            if any(change.field == field for change in load_changes(changes)):
                _note(system, status, moment_or_none(finished_at), arrived, waiting)
        return Delivery(run, record, field, _began(cells, field, at), arrived, frozenset(waiting))

    def open_counts(self) -> tuple[int, int]:
        """How many conflicts and how many rows of the quarantine wait for a person."""
        conflicts, quarantined = self._row(_OPEN)
        return conflicts, quarantined

    def waiting_events(self) -> Waiting:
        """How many webhook events are not handled yet, and since when the oldest waits."""
        count, oldest = self._row(_INBOX)
        return Waiting(count, moment_or_none(oldest))


def _note(system: str, status: str, finished: datetime | None, arrived: dict[str, datetime], waiting: set[str]) -> None:
    """The first settled write counts; what came after it is another story."""
    if system in arrived or status == "skipped":
        return
    if status == "settled" and finished is not None:
        arrived[system] = finished
        waiting.discard(system)
    else:
        waiting.add(system)


def _began(cells: str | None, field: str, at: int) -> datetime:
    """When the person acted: as the source stamped it, if the cell still knows; never after we heard of it."""
    heard = moment(at)
    cell = None if cells is None else load_cells(cells, Moments()).get(field)
    return heard if cell is None or cell.changed_by is None else min(cell.changed_by, heard)


def _has(values: Iterable[object], wanted: str) -> bool:
    return any(wanted in str(value).lower() for value in values if value is not None)

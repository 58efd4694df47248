"""Runs: started, finished, or broken off.

Crash paragraph: a run that was started and never finished has no seconds; the next start finds it in `open_runs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.state.documents import dump, load, moment, stamp
from sync.state.generation import Generation
from sync.state.rows import RunRow
from sync.state.statements import insert, select, within
from sync.state.tables import RunTable

RUNNING = "running"

_START = insert(RunTable)
_FINISH = "UPDATE run SET status = ?, seconds = ?, systems = ?, failed = ?, note = ? WHERE run = ?"
_NEWEST = select(RunTable, "ORDER BY number DESC LIMIT ?")
_SINCE = select(RunTable, "WHERE started_at >= ? ORDER BY number DESC LIMIT ?")
_ONE = select(RunTable, "WHERE run = ?")
_LAST = select(RunTable, "ORDER BY number DESC LIMIT 1")
_LAST_OF = within(select(RunTable, "WHERE kind IN @list ORDER BY number DESC LIMIT 1"))
_UNFINISHED = select(RunTable, "WHERE seconds IS NULL ORDER BY number")


class Runs(Generation):
    """The history of runs."""

    _run: str = ""
    """The run that this store started last: turns are booked on it."""

    def start_run(self, run: str, kind: str, *, full: bool, entities: Sequence[str]) -> None:
        """Begins a run and moves the generation on."""
        with self.transaction():
            started = stamp(self._clock.now())
            self._execute(_START, (run, kind, full, dump(list(entities)), RUNNING, started, None, "{}", "[]", ""))
            self._move_generation()
        self._run = run

    def resume_run(self, run: str) -> None:
        """Turns are booked on this run again: another one took place within it."""
        self._run = run

    def finish_run(
        self,
        run: str,
        status: str,
        seconds: float,
        systems: Mapping[str, Mapping[str, int]],
        note: str = "",
        *,
        failed: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Books the outcome of a run. ``failed``: the systems that did not take part to the end, each with reason and remedy."""
        self._write(_FINISH, status, seconds, dump(systems), dump(dict(failed or {})), note, run)

    def note_run(self, run: str, note: str) -> None:
        """Notes of a run which other run it refers to."""
        self._write("UPDATE run SET note = ? WHERE run = ?", note, run)

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs, newest first."""
        return [_run(row) for row in self._rows(_NEWEST, limit)]

    def runs_since(self, at: datetime, limit: int) -> list[RunRow]:
        """The newest runs that began then or later, newest first."""
        return [_run(row) for row in self._rows(_SINCE, stamp(at), limit)]

    def run(self, run: str) -> RunRow | None:
        """One run."""
        found = self._row(_ONE, run)
        return None if found is None else _run(found)

    def last_run(self, kinds: Sequence[str] | None = None) -> RunRow | None:
        """The run that was started last, of these kinds."""
        found = self._row(_LAST) if kinds is None else self._row(_LAST_OF, dump(list(kinds)))
        return None if found is None else _run(found)

    def open_runs(self) -> list[RunRow]:
        """Runs that were started and never finished, oldest first: at a start these are crashes."""
        return [_run(row) for row in self._rows(_UNFINISHED)]


def _run(row: Sequence[Any]) -> RunRow:
    _, run, kind, full, entities, status, started, seconds, systems, failed, note = row
    what = (run, kind, bool(full), tuple(load(entities)), status, moment(started), seconds)
    told = load(failed)
    return RunRow(*what, load(systems), note, told if isinstance(told, dict) else dict.fromkeys(told, ()))

"""The frame of the door: one connection, one thread, one transaction at a time.

Crash paragraph: everything that one logical step touches is written between `BEGIN IMMEDIATE` and `COMMIT`, so a kill
at any instruction leaves the state of before or of after; SQLite repairs the file when it is next opened. A commit
that failed is rolled back and reported, never repeated, but for one case: another program is still reading, then the
commit waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

from sync.errors import StateError
from sync.model.clock import Clock
from sync.state import sqlite
from sync.state.documents import dump

_COMMIT_TRIES = 6
"""Times SQLite's busy timeout: how long a reader may hold up a commit."""


def array(values: Iterable[Any]) -> str:
    """The one parameter that ``@list`` and ``@asked`` stand for."""
    return dump(list(values))


class Door:
    """Runs statements and transactions. The rooms' topics are built on it."""

    def __init__(self, connection: Connection, clock: Clock, path: Path) -> None:
        self._connection = connection
        self._clock = clock
        self._path = path
        self._thread = threading.get_ident()
        self._depth = 0
        self._doomed = False
        self._broken = False
        self._after_commit: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. A use inside another joins it: then a failure inside undoes the whole, even if it is caught.

        Raises:
            StateError: the disk is full, the file is locked or damaged; nothing of it was stored.
        """
        if self._depth:
            with self._joined():
                yield
            return
        self._execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth, self._doomed = 0, False
        self._run_after_commit()

    @contextmanager
    def _joined(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        except BaseException:
            self._doomed = True
            raise
        finally:
            self._depth -= 1

    def _commit(self) -> None:
        for left in reversed(range(_COMMIT_TRIES)):
            try:
                self._execute("COMMIT")
            except StateError as error:
                if left and sqlite.raw(self._connection).in_transaction and _is_busy(error):
                    continue
                raise
            return

    def _roll_back(self) -> None:
        """SQLite has rolled back by itself after a full disk: then there is nothing left to undo."""
        self._after_commit.clear()
        if sqlite.raw(self._connection).in_transaction:
            self._connection.exec_driver_sql("ROLLBACK")

    def _run_after_commit(self) -> None:
        waiting, self._after_commit = self._after_commit, []
        for act in waiting:
            act()

    def _execute(self, sql: str, parameters: tuple[Any, ...] | list[tuple[Any, ...]] = ()) -> CursorResult[Any]:
        assert threading.get_ident() == self._thread, "a store belongs to the thread that opened it"
        if self._doomed or self._broken:
            raise StateError("an earlier step failed, so nothing more is stored", remedy="start again")
        try:
            return self._connection.exec_driver_sql(sql, parameters or None)
        except (IntegrityError, ProgrammingError):
            raise
        except DatabaseError as error:
            # a disk that failed once may have lost what it said it kept: only a fresh start, with a check, is safe
            self._broken = sqlite.code(error) == "SQLITE_IOERR"
            raise sqlite.translate(error, self._path) from error

    def _rows(self, sql: str, *parameters: Any) -> Sequence[Any]:
        """All rows, each to be taken apart by position."""
        return self._execute(sql, parameters).all()

    def _pairs(self, sql: str, *parameters: Any) -> Iterator[tuple[Any, Any]]:
        """Rows of two columns."""
        return ((first, second) for first, second in self._rows(sql, *parameters))

    def _row(self, sql: str, *parameters: Any) -> Any:
        """The first row, or None."""
        return self._execute(sql, parameters).first()

    def _value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row; None where there is none."""
        found = self._execute(sql, parameters).first()
        return None if found is None else found[0]

    def _write(self, sql: str, *parameters: Any) -> int:
        """Runs one statement in a transaction; how many rows it touched."""
        with self.transaction():
            return self._execute(sql, parameters).rowcount

    def _many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Runs one statement per tuple in a transaction."""
        if rows:
            with self.transaction():
                self._execute(sql, rows)


def _is_busy(error: StateError) -> bool:
    cause = error.__cause__
    return isinstance(cause, DatabaseError) and sqlite.code(cause) == "SQLITE_BUSY"

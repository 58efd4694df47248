"""The one door to the state. Everything else in this room is behind it.

A store belongs to the thread that opened it and holds one connection. It takes no lock: whoever writes takes
`Lock` first. Crash paragraph: opening a state that was not closed cleanly, or that somebody else touched, reads
all of it once (`quick_check`) before anything relies on it. A damaged, missing, older or newer state is refused or
marked; nothing is ever started anew in its place.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.errors import StateError
from sync.model.clock import Clock
from sync.state import schema, sqlite
from sync.state.counts import Counts
from sync.state.documents import stamp
from sync.state.fates import Fates
from sync.state.files import Files, Sidecar, close_to_others, make_private, refuse_network
from sync.state.history import History
from sync.state.inbox import Inbox
from sync.state.journal import Journal
from sync.state.ledger import LedgerFile
from sync.state.links import Links
from sync.state.meta import SET_META
from sync.state.observations import Observations
from sync.state.people import People
from sync.state.recall import Recall
from sync.state.records import Records
from sync.state.saving import save_copy
from sync.state.secrets import Secrets, keep_apart

_LOST = "restore a backup; to start anew on purpose, remove {sidecar} and run a backfill"


class Store(Records, Journal, Links, Fates, Observations, Recall, People, Inbox, Secrets, Counts, History):
    """Opens and closes a state; the rest comes from its topics."""

    notices: tuple[str, ...] = ()
    """What an operator should be told about how the state was opened; the caller logs it."""
    _throwaway: Path | None = None

    @classmethod
    def open(cls, url: str, *, clock: Clock, init: bool = True, read_only: bool = False) -> Store:
        """Opens, makes, migrates and checks a state.

        ``init`` allows a new one where there never was one. ``read_only`` neither makes nor marks anything and works
        beside a writer.

        Raises: StateError: missing though it once was there, damaged, newer than the program, another program's, on a
        network disk, or not writable; with the remedy.
        """
        files = Files.of(url)
        sidecar = Sidecar.read(files.sidecar)
        fresh = not files.exists()
        if fresh:
            _refuse_lost(files, sidecar, init=init and not read_only)
        notices = [] if read_only else _prepare(files)
        connection = _connect(files, read_only=read_only)
        try:
            notices += _make_ready(connection, files, sidecar, fresh=fresh, read_only=read_only)
            store = cls(connection, clock, files, mirrored=not read_only)
            store._compare_generation(sidecar)
            if read_only:
                store.read_ledger()
            else:
                notices.append(store.recall(LedgerFile(files.ledger), keep=True))
            store.notices = tuple(notice for notice in notices if notice)
        except BaseException:
            _shut(connection)
            raise
        return store

    @classmethod
    def open_copy(cls, url: str, *, clock: Clock) -> Store:
        """A copy of the present state that may be written at will and is gone when it is closed; for plans.

        Works beside a writer. Where there is no state yet, the copy is an empty one. Raises StateError as `open` does.
        """
        files = Files.of(url)
        sidecar = Sidecar.read(files.sidecar)
        handle = tempfile.NamedTemporaryFile(prefix="crm-sync-", suffix=".db", delete=False)  # noqa: SIM115 - its mode is 0600
        handle.close()
        target = Path(handle.name)
        try:
            if files.exists():
                _copy_out(files, target)
            else:
                _refuse_lost(files, sidecar, init=True)
            connection = sqlite.connect(target)
            schema.ensure(connection, target)
            # nothing of it has to survive
            connection.exec_driver_sql("PRAGMA journal_mode=MEMORY")
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        store = cls(connection, clock, Files(target), mirrored=False)
        store._throwaway = target
        store._compare_generation(sidecar if files.exists() else None)
        store.recall(LedgerFile(files.ledger), keep=False)
        return store

    def close(self) -> None:
        """Gives the file back and, if all is well, notes in the sidecar how it was left."""
        if self._connection.closed:
            return
        generation = None if self._broken or not self._mirrored else Sidecar.read(self._files.sidecar)
        _shut(self._connection)
        if self._throwaway is not None:
            self._throwaway.unlink(missing_ok=True)
        elif generation is not None:
            self._mirror(generation.generation, self._files.looks())

    def backup(self, path: Path) -> None:
        """Writes a consistent, checked copy, while others may write. A file that is there is replaced at the very end.

        Raises:
            StateError: the target is the state itself or cannot be written, or the copy fails its check.
        """
        if self._depth:
            raise StateError("no backup can be made inside a transaction")
        save_copy(self._connection, self._files, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def keep_secret(url: str, clock: Clock, system: str, value: str) -> None:
    """Keeps a credential in the real state, from any thread; makes the state if there is none (a plan may log in first)."""
    files = Files.of(url)
    if not files.exists():
        Store.open(url, clock=clock).close()
    keep_apart(files.database, (system, value, None, stamp(clock.now())))


def keep_fact(url: str, key: str, value: str) -> bool:
    """Keeps a single fact in the real state, from a command that works on a copy; False where it cannot be kept just now."""
    files = Files.of(url)
    try:
        if files.exists():
            sqlite.write_apart(files.database, SET_META, (key, value))
            return True
    except sqlite.DriverError:
        return False
    return False


def state_file(url: str) -> Path:
    """Where the state of a URL is. Raises StateError for a URL that no state can be kept at."""
    return Files.of(url).database


def journal_mode_here(url: str) -> str:
    """The journal mode for a state at this URL on this machine. Raises StateError for an unusable URL."""
    Files.of(url)
    return sqlite.journal_mode()


def _refuse_lost(files: Files, sidecar: Sidecar | None, *, init: bool) -> None:
    if sidecar is not None:
        remedy = _LOST.format(sidecar=files.sidecar)
        raise StateError(f"the state at {files.database} is gone or empty, but it was there before", remedy=remedy)
    if not init:
        raise StateError(
            f"there is no state at {files.database}", remedy="run crm-sync backfill first, or correct [state] url"
        )


def _prepare(files: Files) -> list[str]:
    """Makes the file where it is missing, and private where it is not."""
    refuse_network(files.database.parent)
    if not files.database.exists():
        make_private(files.database)
    elif close_to_others(files.database):
        return [f"{files.database} could be read by others; its mode is 0600 now"]
    return []


def _connect(files: Files, *, read_only: bool) -> Connection:
    try:
        try:
            return sqlite.connect(files.database, read_only=read_only)
        except DBAPIError:
            if not read_only:
                raise
            return sqlite.connect(files.database, read_only=True, immutable_folder=True)
    except DBAPIError as error:
        raise sqlite.translate(error, files.database) from error


def _make_ready(
    connection: Connection, files: Files, sidecar: Sidecar | None, *, fresh: bool, read_only: bool
) -> list[str]:
    if read_only:
        schema.require(connection, files.database)
        return []
    clean = sidecar is not None and sidecar.closed == files.looks()
    if not fresh and not clean:
        sqlite.check(connection, files.database)
    try:
        notices = [sqlite.set_durability(connection)]
    except DBAPIError as error:
        raise sqlite.translate(error, files.database) from error
    schema.ensure(connection, files.database)
    return notices


def _copy_out(files: Files, target: Path) -> None:
    source = _connect(files, read_only=True)
    try:
        sqlite.copy(source, target)
    except (DBAPIError, sqlite.DriverError) as error:
        raise sqlite.translate(error, files.database) from error
    finally:
        _shut(source)


def _shut(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()

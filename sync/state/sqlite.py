"""SQLite as this room uses it: connections, journal mode, checks, copies, and its errors in our words.

Facts: reliability.md 1.1. One connection, opened once; `BEGIN IMMEDIATE` is said by the door, never by the driver.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from sync.errors import StateError

BUSY_TIMEOUT_S = 10
_OLDEST = (3, 35, 0)
"""RETURNING and ON CONFLICT as the statements use them."""

_RESTORE = "restore a backup (crm-sync backup makes them), or move the file away and run a backfill"
DriverError = sqlite3.Error
"""What the driver's own calls raise (copies go past SQLAlchemy)."""

_MEANINGS = {
    "SQLITE_FULL": ("the disk is full", "free some space; nothing was stored and nothing is lost"),
    "SQLITE_CORRUPT": ("the state is damaged", _RESTORE),
    "SQLITE_NOTADB": ("this file is no state", _RESTORE),
    "SQLITE_READONLY": ("the state cannot be written", "check the rights of the file and of its folder"),
    "SQLITE_PERM": ("the state cannot be written", "check the rights of the file and of its folder"),
    "SQLITE_CANTOPEN": ("the state cannot be opened", "check the rights of the file and of its folder"),
    "SQLITE_BUSY": (
        "another program keeps the state locked",
        "close programs that have the file open, then start again",
    ),
    "SQLITE_LOCKED": (
        "another program keeps the state locked",
        "close programs that have the file open, then start again",
    ),
    "SQLITE_IOERR": ("the disk failed", "check the disk, then start again: the state is checked first"),
}


def code(error: DBAPIError | sqlite3.Error) -> str:
    """SQLite's primary name of an error, e.g. SQLITE_FULL."""
    name = getattr(_driver(error), "sqlite_errorname", "") or ""
    return "_".join(name.split("_")[:2])


def _driver(error: DBAPIError | sqlite3.Error) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def translate(error: DBAPIError | sqlite3.Error, path: Path) -> StateError:
    """A driver error as ours. SQLite's own messages hold names, never values; parameters are hidden."""
    meaning, remedy = _MEANINGS.get(
        code(error), ("the state cannot be used", "start again; if it stays, restore a backup")
    )
    return StateError(f"{meaning}: {path} ({_driver(error)})", remedy=remedy)


def damaged(path: Path, finding: str) -> StateError:
    """The refusal to work on a state that fails its check."""
    return StateError(f"the state at {path} is damaged: {finding}", remedy=_RESTORE)


def wal_is_sound(version: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset bug that corrupts files (sqlite.org/wal.html, fixed in 3.51.3)."""
    if version >= (3, 51, 3):
        return version[:2] != (3, 52)
    return (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def connect(path: Path, *, read_only: bool = False, immutable_folder: bool = False) -> Connection:
    """A connection on which nothing begins by itself.

    Read-only connections open the file for writing all the same, where they may: only so can SQLite repair what a
    crash left.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StateError(f"SQLite {sqlite3.sqlite_version} is too old", remedy="use a Python with SQLite 3.35 or newer")
    mode = "ro" if immutable_folder else "rw"

    def open_file() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            cached_statements=256,
        )

    engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool, hide_parameters=True)
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    for pragma in ("foreign_keys=ON", "cache_size=-32768", "temp_store=MEMORY", "mmap_size=0", "trusted_schema=OFF"):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    if read_only:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    return connection


def set_durability(connection: Connection) -> str:
    """Journal mode and flushing by version; the notice to log, or "".

    Raises:
        StateError: somebody else has the file open in the other mode.
    """
    wanted = journal_mode()
    sound = wanted == "wal"
    found = connection.exec_driver_sql(f"PRAGMA journal_mode={wanted}").scalar_one()
    if found != wanted:
        raise StateError(f"the journal mode stays {found}", remedy="close other programs that have the state open")
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if sound else 'EXTRA'}")
    return "" if sound else f"SQLite {sqlite3.sqlite_version} can damage WAL files; the state uses a rollback journal"


def check(connection: Connection, path: Path) -> None:
    """Reads the whole file. Raises StateError for damage."""
    try:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except DBAPIError as error:
        raise translate(error, path) from error
    if found != "ok":
        raise damaged(path, str(found).splitlines()[-1])


def raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    found: Any = connection.connection.dbapi_connection
    driver: sqlite3.Connection = found
    return driver


def write_apart(path: Path, sql: str, parameters: tuple[Any, ...]) -> None:
    """One statement on a connection of its own, durable when this returns."""
    apart = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        apart.execute("PRAGMA synchronous=EXTRA")
        apart.execute(sql, parameters)
    finally:
        apart.close()


def journal_mode() -> str:
    """The journal mode that this machine's SQLite allows: wal, or delete (a rollback journal)."""
    return "wal" if wal_is_sound(sqlite3.sqlite_version_info) else "delete"


def copy(connection: Connection, target: Path) -> None:
    """A consistent copy into an existing, empty file, while others write (the backup API, in one step)."""
    destination = sqlite3.connect(target)
    try:
        raw(connection).backup(destination)
    finally:
        destination.close()

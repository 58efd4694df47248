"""Backups: a consistent copy, checked before it gets its name."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection

from sync.errors import StateError
from sync.state import sqlite
from sync.state.files import Files, make_private, sync_folder, unusable

_MAKE_OLDER = (
    "UPDATE meta SET value = value - 1 WHERE key = 'generation' AND EXISTS (SELECT 1 FROM run WHERE seconds IS NULL)"
)
"""A copy made while a run is writing lacks the rest of that run: restored, it must count as old."""


def save_copy(connection: Connection, files: Files, path: Path) -> None:
    """Copies, checks, makes durable, renames. Raises StateError; then the file of before is still there."""
    _refuse_own(files, path)
    path = path.absolute()  # SQLite is given it as a URI
    draft = path.with_name(path.name + ".partial")
    try:
        draft.unlink(missing_ok=True)
        make_private(draft)
        sqlite.copy(connection, draft)
        _finish(draft)
        draft.replace(path)
        sync_folder(path.parent)
    except sqlite.DriverError as error:
        raise sqlite.translate(error, path) from error
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _refuse_own(files: Files, path: Path) -> None:
    own = (files.database, files.sidecar, files.lock)
    if path.resolve() in {each.resolve() for each in own} or (path.exists() and path.samefile(files.database)):
        raise StateError(f"{path} is the state itself", remedy="name another file for the backup")
    if path.is_dir():
        raise StateError(f"{path} is a folder", remedy="name a file for the backup")


def _finish(draft: Path) -> None:
    copied = sqlite.connect(draft)
    try:
        copied.exec_driver_sql("PRAGMA journal_mode=DELETE")
        copied.exec_driver_sql(_MAKE_OLDER)
        sqlite.check(copied, draft)
    finally:
        copied.close()
        copied.engine.dispose()
    handle = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

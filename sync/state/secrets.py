"""Rotating credentials: durable before their first use, the one before kept.

Crash paragraph: a new refresh token that the vendor handed out and that was not stored is a lost login. So it is stored
at once, on the thread that received it, over a connection of its own, and not with whatever the store is doing then.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sync.errors import StateError
from sync.state import sqlite
from sync.state.documents import stamp
from sync.state.door import Door
from sync.state.statements import insert
from sync.state.tables import SecretTable

_KEEP = insert(
    SecretTable, "ON CONFLICT (system) DO UPDATE SET previous = value, value = excluded.value, at = excluded.at", ()
)


class Secrets(Door):
    """One credential a system."""

    def secret(self, system: str) -> str | None:
        """The credential as last kept."""
        found: str | None = self._value("SELECT value FROM secret WHERE system = ?", system)
        return found

    def set_secret(self, system: str, value: str) -> None:
        """Keeps a new credential and the one before it. May be called from any thread. Raises StateError."""
        row = (system, value, None, stamp(self._clock.now()))
        if threading.get_ident() == self._thread:
            self._write(_KEEP, *row)
            return
        keep_apart(self._path, row)


def keep_apart(path: Path, row: tuple[str, str, None, int]) -> None:
    """Keeps (system, value, None, time) in the state at a path, over a connection of its own. Raises StateError."""
    try:
        sqlite.write_apart(path, _KEEP, row)
    except sqlite.DriverError as error:
        raise StateError(f"the new credential of {row[0]} could not be kept", remedy="log in anew") from error

"""Keeps rotating credentials from any thread, durably before they are used: on a connection of its own, in the real state.

Crash paragraph: one statement, committed before the new credential is first used; the one before it stays beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from sync.model.clock import Clock
from sync.state import sqlite
from sync.state.documents import stamp
from sync.state.files import Files
from sync.state.meta import KEEP
from sync.state.store import Store


def keeper(url: str, clock: Clock, system: str) -> Callable[[str, str], None]:
    """Keeps one system's credentials by name; makes the state if there is none yet (a plan may log in first)."""
    files = Files.of(url)

    def keep(name: str, value: str) -> None:
        if not files.exists():
            Store.open(url, clock=clock).close()
        connection = sqlite.connect(files.database)
        try:
            sqlite.set_durability(connection)
            connection.exec_driver_sql(KEEP, (system, name, value, None, stamp(clock.now())))
        finally:
            connection.close()
            connection.engine.dispose()

    return keep

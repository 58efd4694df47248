"""A disk that fails: nothing is written to it again before a fresh start, which reads everything once."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from sync.errors import StateError
from sync.state import Store, sqlite


class _Torn:
    """A connection whose disk fails once, as `fsync` does: what it said it kept may be gone."""

    def __init__(self, real):
        self.real, self.failed = real, False

    def __getattr__(self, name):
        return getattr(self.real, name)

    def exec_driver_sql(self, sql, parameters=None):
        if sql == "COMMIT" and not self.failed:
            self.failed = True
            cause = sqlite3.OperationalError("disk I/O error")
            cause.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise OperationalError(sql, parameters, cause)
        return self.real.exec_driver_sql(sql, parameters)


@pytest.mark.law("row 66")
def test_a_disk_that_fails_once_is_not_written_to_again(url, store, clock, monkeypatch):
    """A failed sync to disk is never repeated; the next start checks the file and goes on from the last good commit."""
    store.set_meta("a", "1")
    real = store._connection
    monkeypatch.setattr(sqlite, "code", lambda error: "SQLITE_IOERR")
    monkeypatch.setattr(sqlite, "raw", lambda connection, raw=sqlite.raw: raw(getattr(connection, "real", connection)))
    store._connection = _Torn(real)
    with pytest.raises(StateError):
        store.set_meta("a", "2")
    with pytest.raises(StateError, match="earlier step failed"):
        store.set_meta("a", "3")
    store._connection = real
    store.close()
    monkeypatch.undo()
    with Store.open(url, clock=clock) as again:
        assert again.get_meta("a") == "1"

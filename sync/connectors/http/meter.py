"""Counts of one connector: calls, rows read and written, and what the vendor says is left."""

from __future__ import annotations

import threading

from sync.connectors.http.allowance import Allowance
from sync.model.remote import Usage


class Meter:
    """Adds up, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = self._read = self._written = 0
        self._allowance = Allowance()

    def add(self, *, calls: int = 0, read: int = 0, written: int = 0) -> None:
        """Counts calls and rows."""
        with self._lock:
            self._calls += calls
            self._read += read
            self._written += written

    def learn(self, allowance: Allowance) -> None:
        """Remembers the vendor's last count."""
        if allowance.limit is not None or allowance.left is not None:
            self._allowance = allowance

    def usage(self, gate_refusals: int = 0) -> Usage:
        """The counts so far."""
        with self._lock:
            left, limit = self._allowance.left, self._allowance.limit
            return Usage(self._calls, self._read, self._written, left, limit, gate_refusals)

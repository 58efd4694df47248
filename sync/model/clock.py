"""Time as a value that is handed in: the one clock of a process, and its twin for tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC, monotonic seconds, and waiting."""

    def now(self) -> datetime:
        """The present, UTC-aware."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """The present, UTC-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to; `sleep` moves it. For tests and simulation."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._start = now

    def now(self) -> datetime:
        """The present, UTC-aware."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Moves the clock."""
        self._now += timedelta(seconds=seconds)

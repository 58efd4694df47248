"""The time of all emulated servers: the host's clock plus what the control plane added to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Emulated time; moves with the host's clock and jumps when told to."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._leapt_s = 0.0

    def seconds(self) -> float:
        """Emulated seconds since the epoch."""
        return time.time() + self._offset_s

    def now(self) -> datetime:
        """Emulated UTC time."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def elapsed(self) -> float:
        """Emulated seconds since some fixed moment; unlike `seconds` it never goes back. For windows and waits."""
        return time.monotonic() + self._leapt_s

    def advance(self, seconds: float) -> None:
        """Moves emulated time forward (or back, for a negative number)."""
        self._offset_s += seconds
        self._leapt_s += max(seconds, 0.0)

    def reset(self) -> None:
        """Back to the host's time."""
        self._offset_s = 0.0

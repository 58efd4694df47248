"""The time of all emulated servers: the host's clock plus what the control plane added to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Emulated time; moves with the host's clock and jumps when told to."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def seconds(self) -> float:
        """Emulated seconds since the epoch."""
        return time.time() + self._offset_s

    def now(self) -> datetime:
        """Emulated UTC time."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        """Moves emulated time forward (or back, for a negative number)."""
        self._offset_s += seconds

"""How many calls a vendor lets through in a stretch of emulated time."""

from __future__ import annotations

import math
from collections import deque

from sync.sandbox.clock import Clock


class Window:
    """Counts the calls let through in the last ``seconds`` of emulated time; refused ones do not count."""

    def __init__(self, clock: Clock, calls_max: int | None, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._taken: deque[float] = deque()
        self.calls_max = calls_max

    def take(self) -> bool:
        """Lets one call through, or says no."""
        if self.remaining() == 0:
            return False
        if self.calls_max is not None:
            self._taken.append(self._clock.seconds())
        return True

    def remaining(self) -> int | None:
        """Calls left right now; None without a limit."""
        if self.calls_max is None:
            return None
        now = self._clock.seconds()
        while self._taken and not now - self._seconds < self._taken[0] <= now:
            self._taken.popleft()
        return max(0, self.calls_max - len(self._taken))

    def wait_s(self) -> int:
        """Whole seconds until the next call is let through; at least 1."""
        if not self._taken:
            return 1
        return max(1, math.ceil(self._taken[0] + self._seconds - self._clock.seconds()))

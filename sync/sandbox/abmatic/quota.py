"""Abmatic's rate limit: so many requests in a fixed window of a minute that the first request opens."""

from __future__ import annotations

from math import ceil

from sync.sandbox.clock import Clock
from sync.sandbox.wire import Response

PER_MINUTE = 100
WINDOW_S = 60.0


class Quota:
    """One window for the whole tenant, however many keys and connections there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.per_minute: int | None = PER_MINUTE
        self.reset()

    def reset(self) -> None:
        """Forgets what was used; the next request opens a window."""
        self._opened = self._clock.elapsed() - WINDOW_S
        self._used = 0

    def take(self) -> bool:
        """Counts one request; whether it is within the limit."""
        now = self._clock.elapsed()
        if now - self._opened >= WINDOW_S:
            self._opened, self._used = now, 0
        if self.per_minute is None:
            return True
        if self._used >= self.per_minute:
            return False
        self._used += 1
        return True

    def left_s(self) -> int:
        """Whole seconds until the window closes, at least one."""
        return max(1, ceil(self._opened + WINDOW_S - self._clock.elapsed()))

    def head(self, response: Response) -> None:
        """Puts the three headers on an answer; a lifted limit has none."""
        if self.per_minute is None:
            return
        response.headers["x-ratelimit-limit"] = str(self.per_minute)
        response.headers["x-ratelimit-remaining"] = str(max(0, self.per_minute - self._used))
        response.headers["x-ratelimit-reset"] = str(ceil(self._clock.seconds()) + self.left_s())

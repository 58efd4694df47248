"""How fast a system may be asked: our ceiling, lowered by what the vendor tells.

A sliding window: in any span of `window_s` at most `limit` requests begin. A bucket that refills while it is
drained would let nearly twice the limit through one fixed window of the vendor, and earn a 429. The vendor counts when a request
arrives, somewhere between its beginning and its answer: so a request that was answered counts from then on, and one that arrived
late and one that arrived early never meet in one window.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from sync.connectors.http.allowance import Allowance
from sync.model.clock import Clock

_STEP_S: Final = 0.001


class Throttle:
    """Shared by all threads that use one key.

    Args:
        clock: where time and waiting come from.
        limit: our ceiling, requests per window; headers lower it and may raise it again up to this.
        window_s: seconds.
    """

    def __init__(self, clock: Clock, limit: int, window_s: float = 60.0) -> None:
        self._clock = clock
        self._ceiling = max(1, limit)
        self._limit = self._ceiling
        self._window_s = window_s
        self._open: deque[float] = deque()
        self._answered: deque[float] = deque()
        self._closed_until = 0.0
        self._whole: Throttle | None = None
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Requests per window that are allowed now."""
        return self._limit

    def take(self, patience_s: float) -> float | None:
        """Waits for a turn and takes it.

        Returns None, or, where the wait would be longer than `patience_s`, the seconds to wait: then no turn is taken.
        """
        ends = self._clock.monotonic() + patience_s
        while (wait_s := self._try()) > 0:
            if self._clock.monotonic() + wait_s > ends:
                return wait_s
            # A clock ticks in steps: a wait below one would never end.
            self._clock.sleep(max(wait_s, _STEP_S))
        return None if self._whole is None else self._whole.take(max(0.0, ends - self._clock.monotonic()))

    def be_part_of(self, whole: Throttle) -> None:
        """From now on each turn of this one is a turn of the whole, too: together they stay within its limit."""
        self._whole = whole

    def answered(self) -> None:
        """A request that had its turn has come to its end."""
        if self._whole is not None:
            self._whole.answered()
        with self._lock:
            if self._open:
                self._open.popleft()
                self._answered.append(self._clock.monotonic())

    def learn(self, allowance: Allowance) -> None:
        """Takes in the vendor's count. With nothing left it closes until the vendor's window begins anew."""
        if self._whole is not None:
            self._whole.learn(allowance)
        with self._lock:
            if allowance.limit:
                self._limit = min(self._ceiling, allowance.limit)
            if allowance.left == 0 and allowance.reset_s:
                self._close(allowance.reset_s)

    def pause(self, seconds: float) -> None:
        """Closes for everybody, after a refusal."""
        if self._whole is not None:
            self._whole.pause(seconds)
        with self._lock:
            self._close(seconds)

    def _try(self) -> float:
        """Takes a turn and returns 0, or returns the seconds until one may be free."""
        with self._lock:
            now = self._clock.monotonic()
            for turns in (self._open, self._answered):
                while turns and turns[0] <= now - self._window_s:
                    turns.popleft()
            wait_s = self._closed_until - now
            if len(self._open) + len(self._answered) >= self._limit:
                wait_s = max(wait_s, sorted([*self._open, *self._answered])[-self._limit] + self._window_s - now)
            if wait_s > 0:
                return wait_s
            self._open.append(now)
            return 0.0

    def _close(self, seconds: float) -> None:
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)

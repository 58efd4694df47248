"""API calls used: the daily allowance, the header that tells of it, the limits resource (apis/salesforce.md 4.1)."""

from __future__ import annotations

from collections import deque
from typing import Any

from sync.sandbox.clock import Clock
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.salesforce.times import DAY_S

DAILY_CALLS = 15_000  # Developer Edition
UNLIMITED = 5_000_000  # what a lifted limit shows: a full sandbox's allowance


class Usage:
    """Calls of the last 24 hours. ``daily_calls`` None lifts the limit."""

    def __init__(self, clock: Clock) -> None:
        self.daily_calls: int | None = DAILY_CALLS
        self.counted = False
        self._clock = clock
        self._calls: deque[float] = deque()

    def used(self) -> int:
        """Calls in the rolling 24 hours."""
        since = self._clock.seconds() - DAY_S
        while self._calls and self._calls[0] < since:
            self._calls.popleft()
        return len(self._calls)

    def count(self) -> None:
        """Counts one call; raises Refusal when the allowance is used up."""
        if self.daily_calls is not None and self.used() >= self.daily_calls:
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        self._calls.append(self._clock.seconds())

    def header(self) -> str:
        """``api-usage=18/15000``."""
        return f"api-usage={self.used()}/{self.daily_calls or UNLIMITED}"

    def limits(self) -> dict[str, Any]:
        """The body of the limits resource."""
        most = self.daily_calls or UNLIMITED
        plain = {
            "DailyBulkApiBatches": 15_000,
            "DailyBulkV2QueryJobs": 10_000,
            "DailyBulkV2QueryFileStorageMB": 976_562,
            "DataStorageMB": 1073,
            "HourlyPublishedPlatformEvents": 250_000,
        }
        calls = {"Max": most, "Remaining": max(most - self.used(), 0), "Ant Migration Tool": {"Max": 0, "Remaining": 0}}
        return {
            "DailyApiRequests": calls,
            **{name: {"Max": number, "Remaining": number} for name, number in plain.items()},
        }
